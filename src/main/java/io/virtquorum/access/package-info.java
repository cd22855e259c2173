/** Where users are led: a Service of the cluster's name, whose one endpoint is the primary. */
package io.virtquorum.access;
