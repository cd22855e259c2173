/**
 * The way from the sidecar to the guest program: the protocol of guest.proto, spoken over the
 * virtio port. Frames are found in whatever comes, a session belongs to a boot and a term, and each
 * request ends by the program's own word, or its session ends with it.
 */
package io.virtquorum.port;
