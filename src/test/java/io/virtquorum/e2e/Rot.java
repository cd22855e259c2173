package io.virtquorum.e2e;

import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What the guest saw of a byte that was changed below its mounted file system.
 *
 * @param before hash that programs saw before
 * @param cached hash that programs see afterwards, through the page cache
 * @param onDisk hash of what is on the disk afterwards, past the page cache
 * @param timesBefore modification and change time before
 * @param timesAfter and afterwards
 */
record Rot(String before, String cached, String onDisk, String timesBefore, String timesAfter) {

  // Written to the block device itself: the kernel keeps a cache for the device and another for
  // the file, and touches no inode.
  private static final String FLIP =
      """
      set -e
      file=/srv/www/%1$s
      sync
      device=$(awk '$2 == "/srv" {print $1}' /proc/mounts)
      size=$(stat -f -c %%S /srv)
      block=$(debugfs -R "bmap /www/%1$s 0" "$device" 2>/dev/null)
      [ "$block" -gt 0 ]
      echo "before=$(sha256sum < $file)"
      echo "timesBefore=$(stat -c '%%y %%z' $file)"
      at=$((block * size + 1))
      old=$(dd if="$device" bs=1 skip=$at count=1 2>/dev/null)
      new=X
      [ "$old" != X ] || new=Y
      printf $new | dd of="$device" bs=1 seek=$at conv=notrunc,fsync 2>/dev/null
      echo "cached=$(sha256sum < $file)"
      echo "onDisk=$(dd if=$file iflag=direct bs=4096 2>/dev/null | sha256sum)"
      echo "timesAfter=$(stat -c '%%y %%z' $file)"
      """;

  /** Flips the second byte of a file of {@link Site}. */
  static Rot flip(Member member, String path) {
    Map<String, String> said =
        Arrays.stream(
                member.shell().run(FLIP.formatted(path), Duration.ofSeconds(60)).split("\n", -1))
            .map(line -> line.split("=", 2))
            .collect(Collectors.toMap(part -> part[0], part -> part[1]));
    return new Rot(
        said.get("before"),
        said.get("cached"),
        said.get("onDisk"),
        said.get("timesBefore"),
        said.get("timesAfter"));
  }

  /** Hash of what is on the disk now, past the page cache. */
  static String onDisk(Member member, String path) {
    return member
        .shell()
        .run("dd if=/srv/www/%s iflag=direct bs=4096 2>/dev/null | sha256sum".formatted(path));
  }
}
