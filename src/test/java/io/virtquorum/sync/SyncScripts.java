package io.virtquorum.sync;

/** What a simulated guest must know of this package's scripts. */
public final class SyncScripts {
  private SyncScripts() {}

  /** The script that sets the sync address. */
  public static String setAddress() {
    return SyncInterface.SET;
  }
}
