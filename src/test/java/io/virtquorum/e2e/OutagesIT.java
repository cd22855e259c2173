package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The operator, a member and the primary go away; nothing that was written is lost. */
@Tag("e2e")
@ExtendWith({Testbed.Resolver.class, Report.class})
class OutagesIT {
  private static final Duration REPAIR = Duration.ofMinutes(5);
  private static final Duration RESTART = Duration.ofMinutes(8);

  @Test
  @Budget(60)
  void anEditSurvivesTheOperatorsDeathBeforeItsCommit(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    long epoch = testbed.web().epoch();
    List<Pod> operators = testbed.installation().operators();
    assertThat(operators).isNotEmpty();

    Site.save(primary, "index.html", "written just before the operator died");
    operators.forEach(
        pod ->
            testbed
                .installation()
                .kubectl(
                    Installation.OPERATOR,
                    "delete",
                    "pod",
                    pod.getMetadata().getName(),
                    "--grace-period=0",
                    "--force"));
    assertThat(testbed.web().epoch()).as("it died before the commit").isEqualTo(epoch);

    testbed.web().awaitInSync(epoch + 1, REPAIR);
    assertThat(testbed.installation().operators())
        .isNotEmpty()
        .noneMatch(
            p ->
                operators.stream()
                    .anyMatch(o -> o.getMetadata().getUid().equals(p.getMetadata().getUid())));
    for (Member member : testbed.members()) {
      assertThat(Site.read(member, "index.html"))
          .as("index.html of %s", member)
          .isEqualTo("written just before the operator died");
    }
  }

  @Test
  @Budget(150)
  void aLargeEditIsCommittedThoughTheOperatorIsUpgradedWhileItIsCopied(Testbed testbed) {
    Member primary = testbed.inSync().primary();
    long epoch = testbed.web().epoch();
    long term = testbed.web().term();
    Map<String, String> incarnations = testbed.incarnations();

    Site.saveRandom(primary, "large", 60_000);
    Wait.until("the others are behind", REPAIR)
        .untilAsserted(() -> assertThat(testbed.web().status().exposureSince()).isNotNull());
    assertThat(testbed.web().epoch()).as("it is upgraded before the commit").isEqualTo(epoch);
    testbed.installation().upgrade("next");

    testbed.web().awaitInSync(epoch + 1, REPAIR);
    assertThat(testbed.web().term()).as("the new one leads").isGreaterThan(term);
    assertThat(testbed.installation().operators())
        .isNotEmpty()
        .allMatch(pod -> pod.getSpec().getContainers().getFirst().getImage().endsWith(":next"));
    List<String> site = Site.manifest(primary);
    for (Member member : testbed.members()) {
      assertThat(Site.manifest(member)).as("site of %s", member).isEqualTo(site);
    }
    assertThat(testbed.incarnations()).as("no VM was restarted").isEqualTo(incarnations);
    testbed.installation().install();
    Site.remove(primary, "large");
    testbed.web().awaitInSync(epoch + 2, REPAIR);
  }

  @Test
  @Budget(120)
  void aMemberThatWasChangedWhileItWasOffIsBroughtBackAndKeepsItsChangeInItsArchive(
      Testbed testbed) {
    Member stopped = testbed.inSync().secondaries().getLast();
    List<String> healthy = Site.manifest(testbed.primary());
    String mine = "changed by a rescue system while the VM was off";

    stopped.patch("{\"spec\":{\"runStrategy\":\"Halted\"}}");
    Wait.until(stopped + " is off", RESTART).until(() -> stopped.instance().isEmpty());
    Wait.until(stopped + " is missed", REPAIR)
        .until(() -> testbed.web().status().inSync().equals("2/3"));
    new StoppedDisk(testbed.host(), stopped).replace("note.txt", mine);
    stopped.patch("{\"spec\":{\"runStrategy\":\"Always\"}}");

    testbed.web().awaitInSync(1, RESTART);
    for (Member member : testbed.members()) {
      assertThat(Site.manifest(member)).as("site of %s", member).isEqualTo(healthy);
    }
    assertThat(Site.archivedWith(stopped, mine)).as("archive of %s", stopped).isNotEmpty();
  }

  @Test
  @Budget(150)
  void theAddressAnswersWithTheLastCommittedEditAfterThePrimaryWasKilled(Testbed testbed) {
    Member old = testbed.inSync().primary();
    long epoch = testbed.web().epoch();
    String edition = "the last edition before the crash";
    Site.save(old, "index.html", edition);
    testbed.web().awaitInSync(epoch + 1, REPAIR);
    String incarnation = old.incarnation().orElseThrow();

    try (Visitor visitor = new Visitor(testbed.web().service())) {
      visitor.awaitPage("", edition, Duration.ofMinutes(1));
      long killed = new Hypervisor(testbed.host()).kill(Installation.MEMBERS, old.name());
      long answered = visitor.awaitPage("", edition, Duration.ofMinutes(3));
      Report.fact(
          "the address answered again %.2f s after the primary's QEMU was killed",
          (answered - killed) / 1e9);
    }
    assertThat(testbed.primary()).as("users are led to another member").isNotEqualTo(old);

    Wait.until(old + " returns", RESTART)
        .until(() -> old.incarnation().filter(i -> !i.equals(incarnation)).isPresent());
    testbed.web().awaitInSync(epoch + 1, RESTART);
    assertThat(testbed.primary()).as("it returns as an ordinary member").isNotEqualTo(old);
    List<String> site = Site.manifest(testbed.primary());
    assertThat(Site.manifest(old)).isEqualTo(site);
    assertThat(Site.read(old, "index.html")).isEqualTo(edition);
  }
}
