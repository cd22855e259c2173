/** How the guest program comes by cloud-init: its part in a VM's user data. Pure. */
package io.virtquorum.cloudinit;
