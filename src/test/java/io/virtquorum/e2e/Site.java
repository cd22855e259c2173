package io.virtquorum.e2e;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * The tree that members hold, {@code /srv/www}, as an independent witness sees it: read from the
 * disk, hashed by the guest's own sha256sum.
 */
final class Site {
  /** Where it is in the guests. */
  static final String ROOT = "/srv/www";

  private Site() {}

  /** Fills an empty tree with several MiB that are the same in every guest. */
  static void fill(Member member) {
    member
        .shell()
        .run(
            """
            set -e
            cd /srv/www
            mkdir -p data
            for i in $(seq 10 33); do seq ${i}00000 ${i}99999 | head -c 262144 > data/$i.txt; done
            echo 'first edition' > index.html
            echo 'small' > note.txt
            ln -sf index.html start
            chmod 640 note.txt
            sync
            """,
            Duration.ofMinutes(5));
  }

  /**
   * Every path with type, mode, owner, link target and content hash, as lines; what VirtQuorum
   * keeps for itself is left out.
   */
  static List<String> manifest(Member member) {
    return lines(
        member,
        """
        set -e
        cd /srv/www
        sync
        echo 3 > /proc/sys/vm/drop_caches
        find . -mindepth 1 -path ./.virtquorum -prune -o -printf '%P %y %m %U %G %l\\n' | sort
        find . -path ./.virtquorum -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
        """);
  }

  /** Change times of every path: nothing that goes through the OS leaves them alone. */
  static List<String> changeTimes(Member member) {
    return lines(
        member,
        """
        cd /srv/www
        find . -mindepth 1 -path ./.virtquorum -prune -o -printf '%P %C@ %i\\n' | sort
        """);
  }

  /** Writes a text file at once, as editors do: beside the tree, then moved into it. */
  static void save(Member member, String path, String text) {
    member
        .shell()
        .run(
            """
            set -e
            printf '%%s\\n' '%s' > /srv/saving
            sync
            mv /srv/saving /srv/www/%s
            """
                .formatted(text, path));
  }

  /** Removes a file. */
  static void remove(Member member, String path) {
    member.shell().run("rm /srv/www/" + path);
  }

  /** Writes random bytes, which nothing can compress. */
  static void saveRandom(Member member, String path, int kib) {
    member
        .shell()
        .run(
            """
            set -e
            head -c %d /dev/urandom > /srv/saving
            sync
            mv /srv/saving /srv/www/%s
            """
                .formatted(kib * 1024, path));
  }

  /** A file's content as programs in the guest see it. */
  static String read(Member member, String path) {
    return member.shell().run("cat /srv/www/" + path);
  }

  /** Files of the archive that contain this text. */
  static List<String> archivedWith(Member member, String text) {
    return lines(
        member, "grep -rlF '%s' /srv/.virtquorum/*/archive 2>/dev/null || true".formatted(text));
  }

  private static List<String> lines(Member member, String script) {
    String output = member.shell().run(script, Duration.ofMinutes(5));
    return output.isEmpty() ? List.of() : Arrays.asList(output.split("\n", -1));
  }
}
