/**
 * A guest by shell scripts that a guest agent runs: what {@code agent}, {@code collect}, {@code
 * sync} and {@code verify} do, behind the seam of {@code guest}. Nobody else knows those packages,
 * and all of them go together when the guest program takes their place.
 */
package io.virtquorum.scripts;
