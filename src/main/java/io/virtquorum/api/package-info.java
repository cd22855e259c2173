/**
 * The API that users write and read: the {@code HACluster} resource. Its records are the single
 * source of the CRD in {@code crds/}. All types are immutable but {@link
 * io.virtquorum.api.HACluster}, which Fabric8 requires to be mutable.
 */
package io.virtquorum.api;
