/**
 * Values of a VirtualMachine's spec as features: read as canonical text, and patched to be equal to
 * another VM's.
 */
package io.virtquorum.vmspec;
