/**
 * A thin typed model of KubeVirt's API on Fabric8. Every type keeps the fields it does not know, so
 * that what is read can be written back unchanged. Components are null where the API server's
 * object has no such field.
 */
package io.virtquorum.kubevirt;
