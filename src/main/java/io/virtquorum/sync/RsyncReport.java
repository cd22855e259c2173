package io.virtquorum.sync;

import io.virtquorum.guest.PullResult;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What stage.sh said of its rsyncs.
 *
 * @param exit the first code that was not 0, else 0
 * @param bytes that crossed the network in both directions
 * @param noRoom a sentence if there was no room to begin
 * @param error what rsync said; may be empty
 */
record RsyncReport(int exit, long bytes, Optional<String> noRoom, String error) {
  private static final Pattern BYTES =
      Pattern.compile("^Total bytes (?:sent|received): ([0-9,]+)", Pattern.MULTILINE);
  private static final Pattern EXIT = Pattern.compile("^exit ([0-9]+)\n?", Pattern.MULTILINE);
  private static final Pattern ROOM = Pattern.compile("^room ([0-9]+) ([0-9]+)", Pattern.MULTILINE);

  static RsyncReport parse(String text) {
    long bytes = 0;
    for (Matcher m = BYTES.matcher(text); m.find(); ) {
      bytes += Long.parseLong(m.group(1).replace(",", ""));
    }
    Matcher room = ROOM.matcher(text);
    if (room.find()) {
      return new RsyncReport(
          0,
          bytes,
          Optional.of(
              "The guest needs "
                  + room.group(1)
                  + " free bytes to repair and has "
                  + room.group(2)),
          "");
    }
    Matcher exit = EXIT.matcher(text);
    if (!exit.find()) {
      return new RsyncReport(1, bytes, Optional.empty(), text);
    }
    return new RsyncReport(
        Integer.parseInt(exit.group(1)), bytes, Optional.empty(), text.substring(exit.end()));
  }

  /**
   * The pull's end if this was no success: by rsync's exit codes (rsync(1), EXIT VALUES) and those
   * of timeout(1).
   */
  Optional<PullResult> problem() {
    if (noRoom.isPresent()) {
      return failed(PullResult.Reason.GuestDiskFull, noRoom.get());
    }
    if (exit == 0) {
      return Optional.empty();
    }
    String said = "rsync ended with " + exit + ": " + error.strip();
    if (error.contains("No space left") || error.contains("Disk quota")) {
      return failed(
          PullResult.Reason.GuestDiskFull, "No room to fetch the sample's files; " + said);
    }
    if (error.contains("@ERROR")) {
      return failed(PullResult.Reason.SampleRefused, "The sample refused; " + said);
    }
    return switch (exit) {
      case 23, 24 ->
          Optional.of(new PullResult.Void("The sample moved while it was read; " + said));
      default ->
          failed(
              PullResult.Reason.SampleUnreachable,
              "The sample's files did not come over the sync network; " + said);
    };
  }

  private static Optional<PullResult> failed(PullResult.Reason reason, String message) {
    return Optional.of(new PullResult.Failed(reason, message));
  }
}
