package io.virtquorum.guest;

/**
 * Why a member's files cannot be fingerprinted, remembered or repaired now. The message is a
 * sentence for the person who must act. Never to be taken for a change of the files.
 */
public final class Trouble extends Exception {
  private final Reason reason;

  public Trouble(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** A stable word for it. */
  public Reason reason() {
    return reason;
  }

  /** What is wrong. The names are stable: they appear in status and events. */
  public enum Reason {
    PathMissing,
    NotADirectory,
    /** Something below cannot be listed, entered or read. */
    Unreadable,
    /** A file system that the tree is on did not mount, or is mounted no more. */
    NotMounted,
    /** A file system is read-only that should not be: nobody can write there. */
    FileSystemReadOnly,
    /** A disk says that it cannot read or write. */
    DiskFails,
    /** A look does not end, or a file is still being read. Not a fault of what they hold. */
    SlowLook,
    GuestDiskFull,
    /** The guest program does not know what it is asked for. */
    GuestProgramTooOld,
    /** More entries than the guest program keeps. */
    TreeTooLarge,
    /** A command of the spec failed, or the guest program in a way that is not foreseen. */
    GuestCommandFailed
  }
}
