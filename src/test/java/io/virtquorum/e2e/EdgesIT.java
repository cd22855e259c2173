package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.virtquorum.api.HAClusterStatus;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What the promise says where it is hardest to keep: seen on real VMs once, and wrong then. */
@Tag("e2e")
@ExtendWith({Testbed.Resolver.class, Report.class})
class EdgesIT {
  private static final Duration REPAIR = Duration.ofMinutes(5);
  private static final Duration RESTART = Duration.ofMinutes(8);

  /** Longer than two looks take, and than the 20 s after which nothing is known any more. */
  private static final Duration A_WHILE = Duration.ofSeconds(30);

  /** To VirtQuorum's program alone: the shell that runs this has its name in its words too. */
  private static final String SIGNAL_PROGRAM =
      """
      for process in /proc/[0-9]*; do
        [ "$process" = /proc/$$ ] && continue
        case $(tr '\\0' ' ' < "$process/cmdline" 2>/dev/null) in
          */virtquorum-guest*run*) kill -%s "${process#/proc/}" ;;
        esac
      done
      """;

  @Test
  @Budget(90)
  void anEditThatNobodyCouldSeeIsShownAsUnknownUntilItIsCommitted(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    long epoch = testbed.web().epoch();

    primary.shell().run(SIGNAL_PROGRAM.formatted("STOP"));
    try {
      Site.save(primary, "note.txt", "written while nobody looked");
      Wait.until("it is said that nothing is known", REPAIR)
          .untilAsserted(() -> assertThatItIsUnknown(testbed));
      Wait.until("it stays unknown", REPAIR)
          .during(A_WHILE)
          .untilAsserted(() -> assertThatItIsUnknown(testbed));
      assertThat(testbed.kubectl("get", "hac", Web.NAME).lines().toList().get(1))
          .as("the EXPOSURE that people see")
          .doesNotMatch("web +3/3 +web-[123] +\\d+ +True +\\S+");
      assertThat(testbed.primary()).as("a silent program moves no users").isEqualTo(primary);
    } finally {
      primary.shell().run(SIGNAL_PROGRAM.formatted("CONT"));
    }

    testbed.web().awaitInSync(epoch + 1, REPAIR);
    for (Member member : testbed.members()) {
      assertThat(Site.read(member, "note.txt")).isEqualTo("written while nobody looked");
    }
  }

  @Test
  @Budget(180)
  void usersAreLedElsewhereWhenTheFileSystemOfThePrimaryIsGoneThoughItsVmLives(Testbed testbed) {
    Member gone = testbed.inSync().primary();
    String incarnation = gone.incarnation().orElseThrow();
    String disk = gone.shell().run("grep ' /srv ' /proc/mounts | cut -d' ' -f1");

    gone.shell().run("umount -l /srv");
    try {
      Wait.until("users are led to another member", REPAIR)
          .untilAsserted(() -> assertThat(testbed.primary()).isNotEqualTo(gone));
      try (Visitor visitor = new Visitor(testbed.web().service())) {
        visitor.awaitPage("", Site.read(testbed.primary(), "index.html"), Duration.ofMinutes(1));
      }
      assertThat(Web.summary(testbed.web().status())).contains("PrimaryAvailable=True");
      assertThat(testbed.web().status().lastFailover().from()).isEqualTo(gone.name());
    } finally {
      gone.shell().run("mount -t ext4 " + disk + " /srv");
    }

    testbed.web().awaitInSync(1, REPAIR);
    assertThat(gone.incarnation()).as("it was not restarted").contains(incarnation);
    assertThat(Site.manifest(gone)).isEqualTo(Site.manifest(testbed.primary()));
  }

  @Test
  @Budget(180)
  void whatWasWrittenRightBeforeTheCrashIsKeptAsAUsersAndSaidUntilItIsBack(Testbed testbed) {
    Member old = testbed.inSync().primary();
    String incarnation = old.incarnation().orElseThrow();
    String lost = "saved a moment before the crash";

    old.shell().run(SIGNAL_PROGRAM.formatted("STOP")); // whoever sees it follows the user
    Site.save(old, "note.txt", lost);
    old.shell().run("sync");
    new Hypervisor(testbed.host()).kill(Installation.MEMBERS, old.name());
    Wait.until("another member leads", REPAIR)
        .untilAsserted(() -> assertThat(testbed.primary()).isNotEqualTo(old));
    assertThat(events(testbed)).contains("FormerPrimaryAway");

    Wait.until(old + " returns", RESTART)
        .until(() -> old.incarnation().filter(i -> !i.equals(incarnation)).isPresent());
    testbed.web().awaitInSync(1, RESTART);
    Wait.until("it is said what was found", REPAIR)
        .untilAsserted(() -> assertThat(events(testbed)).contains("FormerPrimaryReturned"));
    List<String> kept = Site.archivedWith(old, lost);
    assertThat(kept).as("archive of %s", old).hasSize(1);
    String manifest = kept.getFirst().replaceFirst("/files/.*", "/manifest");
    assertThat(old.shell().run("cat " + manifest))
        .containsPattern("\"note.txt\",\"what\":\"replaced\".*\"attributed\":true");
  }

  private static void assertThatItIsUnknown(Testbed testbed) {
    HAClusterStatus status = testbed.web().status();
    assertThat(status.condition("Protected").map(Condition::getReason))
        .as(Web.summary(status))
        .contains("ExposureUnknown");
    assertThat(status.condition("Protected").map(Condition::getStatus)).contains("False");
    assertThat(status.exposureSince()).isNotNull();
  }

  private static String events(Testbed testbed) {
    return testbed.kubectl("get", "events", "--field-selector=involvedObject.kind=HACluster");
  }
}
