package io.virtquorum.sync;

import io.virtquorum.collect.Member;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import java.nio.file.Path;
import java.time.Duration;

/**
 * 10,000 files fingerprinted, remembered and pulled, and 1 KiB changed in 100 MB: a program of its
 * own, so that it can have a sidecar's heap. Prints what it measured.
 */
final class LargeTree {
  private LargeTree() {}

  interface Step {
    void run() throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    Path home = Path.of(arguments[0]);
    try (var sample = new Member(home.resolve("s"));
        var member = new Member(home.resolve("m"))) {
      sample.sh(
          "for d in $(seq 100); do mkdir -p dir-$d; cd dir-$d; head -c 270000 /dev/urandom"
              + " | split -b 2700 -a 3 - a-file-with-a-name-; cd ..; done;"
              + " head -c 100000000 /dev/urandom > big");
      member.sh("cp -a ../../s/site/. .");
      time("first pass of 10,000 files", () -> sample.quick());
      time("first pass of the other", () -> member.quick());
      if (sample.quick().matrix().rows().size() != 10_102) {
        throw new IllegalStateException("not the files that were meant");
      }
      time("remember", () -> member.remember(1, 1));
      member.settle();
      time("settling pass", () -> member.quick());
      time("quick pass, nothing changed", () -> member.quick());
      time("audit", () -> member.audit());
      member.sh("echo x > dir-50/a-file-with-a-name-aaa");
      time("quick pass, one changed", () -> member.quick());
      pull(sample, member, "pull of one small file", 2);
      member.sh("printf %1024s x | dd of=big bs=1024 seek=50000 conv=notrunc status=none");
      pull(sample, member, "pull of 1 KiB changed in 100 MB", 3);
      member.sh("rm -r dir-*");
      pull(sample, member, "pull of 10,000 files", 4);
      System.gc();
      var memory = Runtime.getRuntime();
      System.out.printf(
          "heap in use %d KiB of %d KiB%n",
          (memory.totalMemory() - memory.freeMemory()) / 1024, memory.maxMemory() / 1024);
    }
  }

  private static void pull(Member sample, Member member, String what, long sequence)
      throws Exception {
    try (var server = new SampleServer(sample.files().shell(), sample.trees)) {
      var serving =
          server.start("1", "127.0.0.1", "127.0.0.1", Duration.ofMinutes(5), Member.LIMIT);
      var offer = Offer.of(serving, sample.quick().matrix());
      var result =
          new Puller(member.files(), new ArchiveLimits(20, 1L << 30))
              .pull(
                  offer,
                  new Goal.Whole(new Position(1, sequence)),
                  new ArchiveNote("v", "why"),
                  false,
                  Duration.ofMinutes(5));
      System.out.println(what + ": " + result);
      if (!(result instanceof PullResult.Done)) {
        throw new IllegalStateException("not repaired");
      }
    }
  }

  private static void time(String what, Step step) throws Exception {
    long start = System.nanoTime();
    step.run();
    System.out.printf("%s: %d ms%n", what, (System.nanoTime() - start) / 1_000_000);
  }
}
