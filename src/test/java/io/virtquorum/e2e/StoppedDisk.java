package io.virtquorum.e2e;

import java.nio.file.Path;
import java.time.Duration;

/** The data disk of a VM that does not run, changed from outside by a rescue system. */
final class StoppedDisk {
  private static final Duration DEADLINE = Duration.ofSeconds(30);

  // Mounted, not written below the file system: a guest that was just stopped may have left work in
  // the journal, and its replay at the next mount would undo what was written past it.
  private static final String REPLACE =
      """
      set -e
      mount -o loop "$1" /mnt
      test -f "/mnt/www/$2"
      printf '%s\\n' "$3" > "/mnt/www/$2"
      umount /mnt
      """;

  private final Host host;
  private final Path image;

  StoppedDisk(Host host, Member member) {
    this.host = host;
    this.image = member.disk();
  }

  /** Replaces the content of a file of {@link Site}. */
  void replace(String path, String text) {
    // A mount namespace of its own: whatever happens, nothing stays mounted.
    host.run(
        DEADLINE,
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        REPLACE,
        "rescue",
        image.toString(),
        path,
        text);
  }
}
