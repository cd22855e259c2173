/**
 * The sync network: its NetworkAttachmentDefinition, and the NIC, the MAC address, the IP address
 * and the sidecar of each member. Pure functions; nothing here talks to the API server.
 */
package io.virtquorum.network;
