package io.virtquorum.guest;

/** What a simulated guest must know of this package's scripts. */
public final class GuestScripts {
  private GuestScripts() {}

  /** The script that sets the sync address. */
  public static String setAddress() {
    return SyncInterface.SET;
  }
}
