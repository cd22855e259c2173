package io.virtquorum.program;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.TreeState;
import io.virtquorum.port.RefusedException;
import java.util.Arrays;

/** What a refusal of the program means behind the seam. Pure. */
final class Refusals {
  /** Keeps no member from being looked at: it has no memory, and cannot be repaired. */
  static final String NO_MEMORY = "NoMemory";

  private Refusals() {}

  /**
   * The trouble that a refusal tells of.
   *
   * @throws GuestException if it tells rather that nobody knows
   */
  static Trouble trouble(RefusedException refused) throws GuestException {
    return switch (refused.reason()) {
      case REASON_EXPIRED ->
          throw new GuestException.TimedOut("It did not end in time: " + refused.getMessage());
      case REASON_CANCELLED, REASON_NOT_IN_SESSION, REASON_NOT_CONFIGURED ->
          throw new GuestException.Unreachable(
              "The guest program ended it: " + refused.getMessage(), refused);
      case REASON_UNSUPPORTED ->
          new Trouble(
              Trouble.Reason.GuestProgramTooOld,
              refused.getMessage() + "; install a newer package virtquorum-guest in the guest");
      case REASON_VOID, REASON_FAILED, REASON_READ_ONLY ->
          new Trouble(reason(refused.detail()), refused.getMessage());
      case REASON_UNSPECIFIED,
          REASON_OLDER_TERM,
          REASON_TOO_MANY,
          REASON_INVALID,
          REASON_PROTOCOL,
          UNRECOGNIZED ->
          throw new GuestException.Refused(
              "The guest program refuses what it is asked: " + refused.getMessage());
    };
  }

  /** What keeps a tree from being looked at. */
  static Trouble trouble(TreeState state) {
    return new Trouble(reason(state.getReason()), state.getSentence());
  }

  private static Trouble.Reason reason(String word) {
    return switch (word) {
      case "DiskFull" -> Trouble.Reason.GuestDiskFull;
      case "TooManyEntries" -> Trouble.Reason.TreeTooLarge;
      case "TreeReplaced" -> Trouble.Reason.NotMounted;
      default ->
          Arrays.stream(Trouble.Reason.values())
              .filter(reason -> reason.name().equals(word))
              .findFirst()
              .orElse(Trouble.Reason.GuestCommandFailed);
    };
  }
}
