package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.api.HAClusterStatus;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Every kind of file in real guests, a small one and a Debian; judged by find and sha256sum. */
@Tag("e2e")
@ExtendWith({Testbed.Resolver.class, Report.class})
class FileKindsIT {
  /**
   * {@code -De2e.files=10000} takes a while on two cores: a process in such a guest costs 15 ms.
   */
  private static final int SMALL = Integer.getInteger("e2e.files", 2000);

  // emulated guests, two cores
  private static final Duration REPAIR = Duration.ofMinutes(8L * Math.max(1, SMALL / 2000));
  private static final Duration GUEST = Duration.ofMinutes(5);

  private static final String KINDS = Site.ROOT + "/kinds";

  /** One word for all that two trees must have in common. */
  private static final String JUDGE = "{\n" + FileKinds.JUDGE + "} | sha256sum";

  @Test
  @Budget(90)
  void eachKindArrivesInBothGuestsAndEachDifferenceIsRepairedExactly(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    make(testbed, primary, FileKinds.MAKE);
    String right = judge(primary);
    assertThatAllAreAlike(testbed, right);

    for (Member member : testbed.secondaries()) {
      HAClusterStatus before = testbed.web().status();
      String differences = String.join("\n", FileKinds.DIFFERENCES.values());
      String wrong =
          member.shell().run("set -e\ncd " + KINDS + "\n" + differences + "\n" + JUDGE, GUEST);
      assertThat(wrong).as("the changed tree of %s", member).isNotEqualTo(right);

      testbed.web().awaitRepair(before, member, REPAIR);
      Wait.until("%s (%s) is as it was".formatted(member, member.guest()), REPAIR)
          .untilAsserted(() -> assertThat(judge(member)).isEqualTo(right));
    }
    assertThat(testbed.inSync().primary()).isEqualTo(primary);
    remove(testbed, primary);
  }

  @Test
  @Budget(180)
  void aLargeFileAndManySmallOnesArriveWholeInBothGuests(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    make(
        testbed,
        primary,
        """
        head -c 100000000 /dev/urandom > large
        mkdir many; cd many; head -c %d00 /dev/urandom | split -b 100 -a 4 - f; cd ..
        """
            .formatted(SMALL));
    assertThatAllAreAlike(testbed, judge(primary));
    assertThat(primary.shell().run("find " + KINDS + "/many -type f | wc -l"))
        .isEqualTo(Integer.toString(SMALL));
    remove(testbed, primary);
  }

  /** All at once: beside the tree, then moved into it. */
  private static void make(Testbed testbed, Member primary, String script) {
    String whole = "set -e; mkdir /srv/making; cd /srv/making\n%s\nsync; mv /srv/making %s";
    change(testbed, primary, whole.formatted(script, KINDS));
  }

  private static void remove(Testbed testbed, Member primary) {
    change(testbed, primary, "mv " + KINDS + " /srv/gone; rm -r /srv/gone");
  }

  /** Runs a script on the primary, and waits until all hold what it did. */
  private static void change(Testbed testbed, Member primary, String script) {
    long epoch = testbed.web().epoch();
    primary.shell().run(script, GUEST);
    testbed.web().awaitInSync(epoch + 1, REPAIR);
  }

  private static String judge(Member member) {
    String cold = "sync; echo 3 > /proc/sys/vm/drop_caches; cd " + KINDS + "; ";
    return member.shell().run(cold + JUDGE, GUEST);
  }

  private static void assertThatAllAreAlike(Testbed testbed, String right) {
    for (Member member : testbed.members()) {
      assertThat(judge(member)).as("%s (%s)", member, member.guest()).isEqualTo(right);
    }
  }
}
