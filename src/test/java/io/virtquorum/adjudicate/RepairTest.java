package io.virtquorum.adjudicate;

import static io.virtquorum.adjudicate.Decider.OTHER;
import static io.virtquorum.adjudicate.Decider.PAGE;
import static io.virtquorum.adjudicate.Decider.PAGE_1;
import static io.virtquorum.adjudicate.Decider.written;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** How what went wrong on a member is put right (design, rules 2 to 4, 7, 8 and 11). */
final class RepairTest {
  private static final Duration LONG = Duration.ofMinutes(2);

  @Test
  void givenRotOnASecondaryThenTheRowIsRestoredAndNothingElseMoves() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(2).rot("data");
    cluster.member(2).audit();
    cluster.untilInSync();
    cluster.until(
        "restored", LONG, () -> cluster.member(2).disk.contents().get("data").equals("d1"));
    assertThat(cluster.member(2).sent).isEqualTo(1);
    assertThat(cluster.epoch()).isEqualTo(1);
    assertThat(cluster.leader().said("Repaired")).isEqualTo(1);
  }

  @Test
  void givenRotOnThePrimaryThenItIsRestoredWhileTheUsersEditOfAnotherFileSurvivesAndSpreads() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).rot("data");
    cluster.member(0).write("index.html", "v2", true);
    cluster.member(0).audit();
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    for (int i = 0; i < 3; i++) {
      assertThat(cluster.member(i).disk.contents())
          .containsEntry("data", "d1")
          .containsEntry("index.html", "v2");
    }
  }

  @Test
  void givenAnAcceptedEditWhenThePrimaryRotsBeforeItSpreadsThenTheEditStillSpreads() {
    SimulatedCluster cluster = SimulatedCluster.inSync(2);
    cluster.member(1).crash();
    cluster.run(Duration.ofSeconds(1));
    cluster.member(0).write("index.html", "v2", true);
    cluster.until(
        "accepted",
        LONG,
        () -> cluster.member(0).disk.memory.get().remembered().position().sequence() == 2);
    cluster.member(0).rot("data");
    cluster.member(0).audit();
    cluster.member(1).boot(cluster.leader());
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "v2");
    assertThat(cluster.member(0).disk.contents()).containsEntry("data", "d1");
  }

  @Test
  void givenARowThatRottedEverywhereThenItIsLeftAloneAndTheOthersAreStillRestored() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).rot("index.html");
    for (int i = 0; i < 3; i++) {
      cluster.member(i).rot("data");
      cluster.member(i).audit();
    }
    cluster.run(LONG);
    assertThat(cluster.leader().holds("RotWithoutDonor")).isTrue();
    assertThat(cluster.member(0).disk.contents()).containsEntry("index.html", "v1");
    for (int i = 0; i < 3; i++) {
      assertThat(cluster.member(i).disk.contents().get("data")).startsWith("rot");
    }
    cluster.member(0).write("data", "d2", true);
    cluster.untilInSync();
  }

  @Test
  void givenAUserWhoWritesTheRottedRowAnewThenTheRestoreLeavesIt() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).rot("data");
    cluster.member(0).audit();
    cluster.run(Duration.ofMillis(30));
    cluster.member(0).write("data", "d2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.member(1).disk.contents()).containsEntry("data", "d2");
  }

  @Test
  void givenAStrayChangeThenItLastsTheSettleTimeAndIsArchived() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).write("index.html", "stray", false);
    cluster.run(SimulatedCluster.SETTLE.minusSeconds(1));
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "stray");
    cluster.run(Duration.ofSeconds(6));
    assertThat(cluster.member(1).disk.contents()).containsEntry("index.html", "v1");
    assertThat(cluster.member(1).disk.archives("index.html", "stray")).isTrue();
  }

  @Test
  void givenAMemberThatWasStoppedAndChangedWhenItStartsThenItIsBroughtBackAndItsChangeIsKept() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(2).crash();
    cluster.member(2).write("index.html", "while away", false);
    cluster.member(0).write("data", "d2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.member(2).boot(cluster.leader());
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("index.html", "v1");
    assertThat(cluster.member(2).disk.archives("index.html", "while away")).isTrue();
  }

  @Test
  void givenAnUnhealthyMemberThenItIsLeftAlone() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(2).trouble = java.util.Optional.of(new Trouble("NotMounted", "no tree."));
    cluster.member(2).write("index.html", "stray", false);
    cluster.run(LONG);
    assertThat(cluster.member(2).pulls).isZero();
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.member(2).trouble = java.util.Optional.empty();
    cluster.untilInSync();
  }

  @Test
  void givenTwoThatChangeAlikeThenNothingIsRepairedUntilThePrimaryChangesAlike() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).write("index.html", "v2", false);
    cluster.member(2).write("index.html", "v2", false);
    cluster.run(LONG);
    assertThat(cluster.leader().holds("MajorityDisagrees")).isTrue();
    assertThat(cluster.leader().said("MajorityDisagrees")).isEqualTo(1);
    assertThat(cluster.member(1).pulls + cluster.member(2).pulls).isZero();
    cluster.member(0).write("index.html", "v2", false);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.member(1).disk.archive).isEmpty();
    assertThat(cluster.leader().holds("MajorityDisagrees")).isFalse();
  }

  @Test
  void givenAnAgreedEvolutionWithinSecondsThenItIsCommittedAndNobodyIsToldOfADisagreement() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(1).write("index.html", "v2", false);
    cluster.member(2).write("index.html", "v2", false);
    cluster.run(Duration.ofSeconds(3));
    cluster.member(0).write("index.html", "v2", false);
    cluster.until("epoch 2", LONG, () -> cluster.epoch() == 2);
    cluster.untilInSync();
    assertThat(cluster.leader().said("MajorityDisagrees")).isZero();
    assertThat(cluster.member(1).disk.archive).isEmpty();
  }

  @Test
  void givenARepairThatFailsThenItIsTriedAgainLaterAndLater() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(2).failPulls = 3;
    cluster.member(2).write("index.html", "stray", false);
    cluster.run(Duration.ofSeconds(9));
    assertThat(cluster.leader().said("DiskFull")).isEqualTo(1);
    cluster.run(Duration.ofSeconds(3));
    assertThat(cluster.leader().said("DiskFull")).isEqualTo(2);
    cluster.run(Duration.ofSeconds(3));
    assertThat(cluster.leader().said("DiskFull")).isEqualTo(2);
    cluster.untilInSync();
    assertThat(cluster.leader().said("DiskFull")).isEqualTo(3);
  }

  @Test
  void givenAnAnswerThatIsLostThenTheOrderIsGivenAgainAfterItsDeadline() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).loseAnswers = 2;
    cluster.member(1).loseAnswers = 1;
    cluster.member(0).write("index.html", "v2", true);
    cluster.until("epoch 2", Duration.ofMinutes(20), () -> cluster.epoch() == 2);
    cluster.until("in sync", Duration.ofMinutes(20), cluster::isInSync);
    assertThat(cluster.leader().said("NoAnswer")).isPositive();
  }

  @Test
  void givenASyncNetworkThatIsCutThenEverythingWaitsAndHealsWithIt() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.member(0).syncCut = true;
    cluster.member(0).write("index.html", "v2", true);
    cluster.run(LONG);
    assertThat(cluster.epoch()).isEqualTo(1);
    assertThat(cluster.leader().state.news().exposedSince()).isPresent();
    cluster.member(0).syncCut = false;
    cluster.until(
        "in sync", Duration.ofMinutes(10), () -> cluster.isInSync() && cluster.epoch() == 2);
  }

  @Test
  void givenFilesThatChangeFasterThanTheyAreCopiedThenPeopleAreToldAndItIsStillTried() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.maxWork = 2500;
    for (int i = 0; i < 200; i++) {
      cluster.member(0).write("data", "n" + i, true);
      cluster.run(Duration.ofMillis(700));
    }
    assertThat(cluster.leader().said("ChangesTooFast")).isPositive();
    cluster.untilInSync();
    assertThat(cluster.member(2).disk.contents()).containsEntry("data", "n199");
  }

  @Test
  void givenAUserWhoNeverPausesThenEpochsStillAdvance() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    for (int i = 0; i < 60; i++) {
      cluster.member(0).write("data", "n" + i, true);
      cluster.run(Duration.ofMillis(2100));
    }
    assertThat(cluster.epoch()).isGreaterThan(15);
  }

  @Test
  void givenAQuiesceCommandWhenFilesChangeFasterThanTheyAreCopiedThenWritersKeepStillAndGoOn() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.configure(cluster.config.withCanQuiesce(true));
    cluster.maxWork = 2500;
    int written = 0;
    for (int i = 0; i < 200; i++) {
      if (!cluster.member(0).still) {
        cluster.member(0).write("data", "n" + written++, true);
      }
      cluster.run(Duration.ofMillis(700));
    }
    assertThat(cluster.member(0).quiesced).isGreaterThanOrEqualTo(2);
    cluster.untilInSync();
    cluster.until("they go on", LONG, () -> !cluster.member(0).still);
    assertThat(cluster.leader().said("ChangesTooFast")).isZero();
    assertThat(cluster.epoch()).isGreaterThan(3);
    assertThat(cluster.member(2).disk.contents()).containsEntry("data", "n" + (written - 1));
  }

  @Test
  void givenAMemberThatIsEqualAgainByItselfThenWritersAreNotKeptStillForIt() {
    Decider decider = Decider.steady();
    decider.configure(decider.config().withCanQuiesce(true));
    for (int i = 0; i < 3; i++) {
      decider.forget().changed(0, OTHER, false, written(PAGE, PAGE_1, OTHER));
      decider.later(Duration.ofSeconds(2));
      String id = decider.ordered(Command.Prove.class).getLast().id();
      decider.finished(id, new Outcome.Void("it moved"));
    }
    decider.forget().holds(0).later(Duration.ofMinutes(5));
    assertThat(decider.ordered(Command.Quiesce.class)).isEmpty();
    assertThat(decider.held("ChangesTooFast")).isEmpty();
  }

  @Test
  void givenAQuiesceCommandThatFailsThenPeopleAreToldAndRepairsGoOn() {
    SimulatedCluster cluster = SimulatedCluster.inSync(3);
    cluster.configure(cluster.config.withCanQuiesce(true));
    cluster.member(0).quiesceFails = true;
    cluster.maxWork = 2500;
    for (int i = 0; i < 200; i++) {
      cluster.member(0).write("data", "n" + i, true);
      cluster.run(Duration.ofMillis(700));
    }
    assertThat(cluster.leader().said("QuiesceFailed")).isPositive();
    cluster.untilInSync();
  }
}
