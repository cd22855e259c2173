package io.virtquorum.sidecar;

/** Rounds that a test itself calls, in one thread: nothing of theirs waits. */
final class CalledRounds implements Member.Driver {
  @Override
  public void news() {}

  @Override
  public void interrupt() {}

  @Override
  public void goOn() {}
}
