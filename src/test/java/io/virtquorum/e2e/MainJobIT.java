package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.virtquorum.api.ClusterRecord;
import io.virtquorum.api.HAClusterStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A VM that lies is found and healed, and what the user writes wins. */
@Tag("e2e")
@ExtendWith({Testbed.Resolver.class, Report.class})
class MainJobIT {
  private static final Duration SPREAD = Duration.ofMinutes(3);
  private static final Duration REPAIR = Duration.ofMinutes(5);

  @Test
  @Budget(5)
  void afterOneShortManifestAllMembersAreInSyncAtEpochOne(Testbed testbed) throws IOException {
    assertThat(Files.readAllLines(Testbed.manifest())).hasSizeLessThanOrEqualTo(25);

    HAClusterStatus status = testbed.afterApply();
    assertThat(status.inSync()).isEqualTo("3/3");
    assertThat(status.condition("Ready").map(Condition::getStatus)).contains("True");
    assertThat(status.condition("InSync").map(Condition::getStatus)).contains("True");
    assertThat(status.condition("Protected").map(Condition::getStatus)).contains("True");
    assertThat(status.condition("Stalled").map(Condition::getStatus)).contains("False");
    assertThat(status.recorded().flatMap(ClusterRecord::commitment))
        .map(ClusterRecord.Committed::epoch)
        .contains(1L);
    List<String> columns = testbed.kubectl("get", "hac", Web.NAME).lines().toList();
    assertThat(columns.get(0).split("\\s{2,}"))
        .containsExactly("NAME", "IN SYNC", "PRIMARY", "EPOCH", "EXPOSURE", "READY", "AGE");
    assertThat(columns.get(1)).matches("web +3/3 +web-[123] +\\d+ +True +\\S+");
  }

  @Test
  @Budget(45)
  void aUsersEditOnThePrimarySpreadsAndIsCommitted(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    long epoch = testbed.web().epoch();

    Site.save(primary, "index.html", "second edition");

    testbed.web().awaitInSync(epoch + 1, SPREAD);
    assertThat(testbed.web().epoch()).isEqualTo(epoch + 1);
    assertThat(testbed.primary()).isEqualTo(primary);
    List<String> written = Site.manifest(primary);
    for (Member member : testbed.secondaries()) {
      assertThat(Site.manifest(member)).as("site of %s", member).isEqualTo(written);
      assertThat(Site.read(member, "index.html")).isEqualTo("second edition");
    }
    try (Visitor visitor = new Visitor(testbed.web().service())) {
      visitor.awaitPage("", "second edition", Duration.ofMinutes(1));
    }
  }

  @Test
  @Budget(60)
  void rotOnASecondaryIsFoundPastThePageCacheAndRepaired(Testbed testbed) {
    Member rotten = testbed.inSync().secondaries().getFirst();
    long epoch = testbed.web().epoch();
    HAClusterStatus before = testbed.web().status();
    List<String> healthy = Site.manifest(testbed.primary());

    Rot rot = Rot.flip(rotten, "data/12.txt");
    assertThatNothingShows(rot);
    testbed.web().requestAudit();

    testbed.web().awaitRepair(before, rotten, REPAIR);
    assertThat(Rot.onDisk(rotten, "data/12.txt")).isEqualTo(rot.before());
    testbed.inSync();
    assertThat(testbed.web().epoch()).as("rot changes no epoch").isEqualTo(epoch);
    assertThatAllHold(testbed, healthy);
  }

  @Test
  @Budget(75)
  void rotOnThePrimaryIsRepairedWhileTheUsersEditOfAnotherFileSurvives(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    long epoch = testbed.web().epoch();

    Rot rot = Rot.flip(primary, "data/20.txt");
    assertThatNothingShows(rot);
    testbed.web().requestAudit();
    Site.save(primary, "note.txt", "written while the primary was rotten");

    Wait.until("the primary's disk is healed", REPAIR)
        .pollInterval(Duration.ofSeconds(2))
        .untilAsserted(
            () -> assertThat(Rot.onDisk(primary, "data/20.txt")).isEqualTo(rot.before()));
    testbed.web().awaitInSync(epoch + 1, REPAIR);
    assertThat(testbed.primary()).isEqualTo(primary);
    for (Member member : testbed.members()) {
      assertThat(Site.read(member, "note.txt")).isEqualTo("written while the primary was rotten");
      assertThat(Rot.onDisk(member, "data/20.txt")).isEqualTo(rot.before());
    }
    assertThatAllHold(testbed, Site.manifest(primary));
  }

  @Test
  @Budget(45)
  void onlyWhatDiffersCrossesTheSyncNetwork(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    long epoch = testbed.web().epoch();
    Ports ports = new Ports(testbed.host());
    List<Ports.Port> sync = testbed.members().stream().map(ports::sync).toList();
    long tree = Long.parseLong(primary.shell().run("du -sb /srv/www/data | cut -f1"));
    long before = ports.bytes(sync);

    Site.saveRandom(primary, "small.bin", 1);
    testbed.web().awaitInSync(epoch + 1, SPREAD);

    // Each byte passes two ports: its sender's and its receiver's.
    long crossed = (ports.bytes(sync) - before) / 2;
    Report.fact(
        "1 KiB changed in a tree of %d KiB: %d KiB crossed the sync network to two members",
        tree / 1024, crossed / 1024);
    assertThat(tree).isGreaterThan(5 << 20);
    assertThat(crossed).isBetween(2L << 10, 256L << 10);
  }

  @Test
  @Budget(60)
  void noGuestDataPassesTheOperatorOrTheApiServer(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    long epoch = testbed.web().epoch();
    Ports ports = new Ports(testbed.host());
    List<Ports.Port> sync = testbed.members().stream().map(ports::sync).toList();
    // Operator and sidecars have no other way to each other, or to the API server, than these.
    List<Ports.Port> others = new ArrayList<>();
    testbed.installation().operators().forEach(p -> others.add(ports.pod(p, "operator")));
    testbed.members().forEach(m -> others.add(ports.pod(m.shell().launcher(), "compute")));
    assertThat(others).hasSizeGreaterThanOrEqualTo(4);
    // Beats and ballots go on meanwhile, at some 10 KiB/s: they must not look like the data.
    long size = 16L << 20;
    long syncBefore = ports.bytes(sync);
    long othersBefore = ports.bytes(others);

    Site.saveRandom(primary, "large.bin", (int) (size >> 10));
    testbed.web().awaitInSync(epoch + 1, REPAIR);

    long elsewhere = ports.bytes(others) - othersBefore;
    long crossed = (ports.bytes(sync) - syncBefore) / 2;
    Report.fact(
        "%d KiB of random bytes to two members: %d KiB crossed the sync network; all that operator"
            + " and sidecars said to each other and to the API server was %d KiB",
        size >> 10, crossed >> 10, elsewhere >> 10);
    assertThat(crossed).isBetween(2 * size, 3 * size);
    assertThat(elsewhere).isLessThan(size / 2);
    List<String> hash = Site.manifest(primary);
    assertThatAllHold(testbed, hash);
  }

  @Test
  @Budget(30)
  void aChangeOfThePrimarysVmSpecReachesTheOthers(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    String tolerations =
        "[{\"key\":\"example.com/maintenance\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}]";

    primary.patch(
        "{\"spec\":{\"template\":{\"spec\":{\"tolerations\":%s}}}}".formatted(tolerations));

    Wait.until("the same tolerations everywhere", SPREAD)
        .untilAsserted(
            () ->
                assertThat(tolerations(testbed.members().stream()))
                    .hasSize(3)
                    .allMatch(t -> t.contains("example.com/maintenance")));
    testbed.inSync();
    assertThat(tolerations(Stream.of(primary)))
        .isEqualTo(tolerations(testbed.secondaries().stream().limit(1)));
  }

  @Test
  @Budget(90)
  void aFileOutsideTheTreesIsPutBackByItsCommandAndTheKernelIsTheSame(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    Member changed = testbed.secondaries().getFirst();
    testbed.members().forEach(m -> m.shell().run("echo right > /etc/vq-demo"));
    HAClusterStatus before = testbed.web().status();
    long epoch = testbed.web().epoch();
    try {
      testbed
          .web()
          .patchState(
              """
              {"commands": [{"name": "demo", "run": ["cat", "/etc/vq-demo"],
                             "apply": ["sh", "-c", "cat > /etc/vq-demo"]}],
               "guest": ["kernel"]}
              """);
      changed.shell().run("echo wrong > /etc/vq-demo");

      testbed.web().awaitRepair(before, changed, REPAIR);
      for (Member member : testbed.members()) {
        assertThat(member.shell().run("cat /etc/vq-demo")).as("%s", member).isEqualTo("right");
      }
      assertThat(testbed.web().status().lastRepair().toString()).contains("as output of demo");
      Wait.until("outputs and facts are equal", SPREAD)
          .untilAsserted(
              () ->
                  assertThat(testbed.web().status().condition("InSync").map(Condition::getStatus))
                      .contains("True"));
      assertThat(testbed.web().epoch()).as("outputs change no epoch").isEqualTo(epoch);
      assertThat(testbed.primary()).isEqualTo(primary);
    } finally {
      // The guests' root is gone at a restart, and with it what this command reads.
      testbed.web().patchState("{\"commands\": null, \"guest\": null}");
    }
    testbed.inSync();
  }

  private static List<String> tolerations(Stream<Member> members) {
    return members
        .map(m -> m.machine().instanceSpec().orElseThrow().unknown().get("tolerations"))
        .map(String::valueOf)
        .toList();
  }

  private static void assertThatNothingShows(Rot rot) {
    assertThat(rot.onDisk()).as("the disk holds something else").isNotEqualTo(rot.before());
    assertThat(rot.cached()).as("programs see what was there").isEqualTo(rot.before());
    assertThat(rot.timesAfter()).as("no time changed").isEqualTo(rot.timesBefore());
  }

  private static void assertThatAllHold(Testbed testbed, List<String> site) {
    for (Member member : testbed.members()) {
      assertThat(Site.manifest(member)).as("site of %s", member).isEqualTo(site);
    }
  }
}
