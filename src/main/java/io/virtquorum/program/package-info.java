/**
 * A guest by the guest program: the sidecar's client of the protocol that is spoken over the virtio
 * port (guest.proto). Frames are found in whatever comes, a session belongs to a boot and a term,
 * and each request ends by the program's own word, or its session ends with it.
 */
package io.virtquorum.program;
