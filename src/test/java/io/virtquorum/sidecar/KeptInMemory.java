package io.virtquorum.sidecar;

/** What would outlive the sidecar. For one thread. */
final class KeptInMemory implements Users.Kept {
  private boolean used;

  @Override
  public boolean usersSinceHeld() {
    return used;
  }

  @Override
  public void usersSinceHeld(boolean value) {
    used = value;
  }
}
