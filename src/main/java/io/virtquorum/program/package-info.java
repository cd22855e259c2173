/** A guest by the guest program: what each operation of the seam asks it for. */
package io.virtquorum.program;
