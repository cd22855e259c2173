package io.virtquorum.guest;

/** When the program in a guest is brought up to the sidecar's version. */
public enum ProgramUpdates {
  NEVER,
  /** Unless a package of the guest owns its file. */
  UNPACKAGED,
  ALWAYS
}
