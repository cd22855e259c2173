package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.virtquorum.guest.GuestException;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.RestoreRows;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A member whose repair waits for a network that carries nothing, when its leader goes. */
@Timeout(60)
final class RecallTest {
  private static final Duration LONG = Duration.ofMinutes(10);

  private final Sent sent = new Sent();
  private final Repairs work = new Repairs();

  @Test
  void givenANewerLeaderThenTheOrderOfTheOlderIsRecalledAndTheMemberVotes() throws Exception {
    inAMember(
        () -> {
          sent.listener.ordered(restore("t1-1", 1));
          work.fetching.await();
          int before = sent.ballots.size();
          sent.listener.configured(configure(2));
          until(() -> sent.ballots.size() > before);
          assertThat(reason("t1-1")).isEqualTo("Recalled");
        });
  }

  @Test
  void givenAnOrderOfANewerLeaderThenTheOlderOneIsRecalledAndTheNewerIsObeyed() throws Exception {
    inAMember(
        () -> {
          sent.listener.ordered(restore("t1-1", 1));
          work.fetching.await();
          sent.listener.ordered(restore("t2-1", 2));
          until(() -> work.begun.contains("t2-1"));
          work.arrived.release();
          work.replaced.release();
          until(() -> sent.answers.stream().anyMatch(Answers::isDone));
        });
  }

  @Test
  void givenAStreamThatBreaksThenTheOrderIsRecalledOnceTheLeaderSpeaksAgain() throws Exception {
    inAMember(
        () -> {
          sent.listener.ordered(restore("t1-1", 1));
          sent.listener.ordered(restore("t1-2", 1));
          work.fetching.await();
          sent.listener.attached();
          assertThat(work.interrupted)
              .as("perhaps nobody leads at the other end: copying on harms nobody")
              .isFalse();
          int before = sent.ballots.size();
          sent.listener.configured(configure(1));
          until(() -> sent.ballots.size() > before);
          assertThat(reason("t1-1")).isEqualTo("Recalled");
          assertThat(reason("t1-2")).as("it waited, and is forgotten too").isEqualTo("Forgotten");
          assertThat(work.begun).containsExactly("t1-1");
        });
  }

  @Test
  void givenALeaderThatConfiguresAgainThenItsOrderGoesOn() throws Exception {
    inAMember(
        () -> {
          sent.listener.ordered(restore("t1-1", 1));
          work.fetching.await();
          sent.listener.configured(configure(1));
          work.arrived.release();
          work.replaced.release();
          until(() -> sent.answers.stream().anyMatch(Answers::isDone));
          assertThat(work.interrupted).isFalse();
        });
  }

  @Test
  void givenItsLeaderRecallsAnOrderThenTheMemberVotesAndTheOthersAreObeyed() throws Exception {
    inAMember(
        () -> {
          sent.listener.ordered(restore("t1-1", 1));
          work.fetching.await();
          int before = sent.ballots.size();
          sent.listener.recalled(recall("t1-1", 1));
          until(() -> sent.ballots.size() > before);
          assertThat(reason("t1-1")).isEqualTo("Recalled");
          sent.listener.recalled(recall("t1-1", 1)); // it ended
          sent.listener.ordered(restore("t1-2", 1));
          work.arrived.release();
          work.replaced.release();
          until(() -> sent.answers.stream().anyMatch(Answers::isDone));
        });
  }

  @Test
  void givenAnOrderThatWaitsIsRecalledThenItNeverBeginsAndTheOneBeforeGoesOn() throws Exception {
    inAMember(
        () -> {
          sent.listener.ordered(restore("t1-1", 1));
          sent.listener.ordered(restore("t1-2", 1));
          work.fetching.await();
          sent.listener.recalled(recall("t1-2", 1));
          work.arrived.release();
          work.replaced.release();
          until(() -> sent.answers.size() == 2);
          assertThat(sent.answers).anyMatch(Answers::isDone);
          assertThat(reason("t1-2")).isEqualTo("Recalled");
          assertThat(work.begun).containsExactly("t1-1");
        });
  }

  @Test
  void givenARecallOfAnOlderLeaderThenTheOrderGoesOn() throws Exception {
    inAMember(
        () -> {
          sent.listener.configured(configure(2));
          sent.listener.ordered(restore("t1-1", 2));
          work.fetching.await();
          sent.listener.recalled(recall("t1-1", 1));
          work.arrived.release();
          work.replaced.release();
          until(() -> sent.answers.stream().anyMatch(Answers::isDone));
          assertThat(work.interrupted).isFalse();
        });
  }

  @Test
  void givenRowsThatAreBeingReplacedThenTheOrderIsCarriedToItsEnd() throws Exception {
    inAMember(
        () -> {
          sent.listener.ordered(restore("t1-1", 1));
          work.arrived.release();
          work.replacing.await();
          sent.listener.recalled(recall("t1-1", 1));
          sent.listener.configured(configure(2));
          work.replaced.release();
          until(() -> sent.answers.stream().anyMatch(Answers::isDone));
          assertThat(work.interrupted).isFalse();
        });
  }

  private void inAMember(Steps steps) throws Exception {
    try (var guest = new QuietGuest();
        var thread =
            new MemberThread(
                new Identity("shop", "web-0", "uid"),
                "web",
                "test",
                guest,
                new Orders(0, term -> {}),
                configure -> work,
                (hello, beat, listener) -> {
                  sent.listener = listener;
                  return sent;
                })) {
      sent.listener.attached();
      sent.listener.configured(configure(1));
      until(() -> !sent.ballots.isEmpty());
      steps.take();
    }
  }

  private interface Steps {
    void take() throws Exception;
  }

  private String reason(String id) {
    return sent.answers.stream()
        .map(FromMember::getProgress)
        .filter(progress -> progress.getCommandId().equals(id))
        .findFirst()
        .orElseThrow()
        .getReason();
  }

  private static Configure configure(long term) {
    return Configure.newBuilder().setTerm(term).setQuickMillis(3_600_000).build();
  }

  private static io.virtquorum.wire.v1.Recall recall(String id, long term) {
    return io.virtquorum.wire.v1.Recall.newBuilder().setId(id).setTerm(term).build();
  }

  private static Command restore(String id, long term) {
    return Command.newBuilder()
        .setId(id)
        .setTerm(term)
        .setExpiresInMillis((int) LONG.toMillis())
        .setRestoreRows(RestoreRows.getDefaultInstance())
        .build();
  }

  private static void until(Callable<Boolean> condition) {
    await().atMost(Duration.ofSeconds(30)).pollInterval(Duration.ofMillis(5)).until(condition);
  }

  /** Fetches until a test lets it arrive, and replaces until a test lets it end. */
  private static final class Repairs implements MemberWork {
    final List<String> begun = new CopyOnWriteArrayList<>();
    final CountDownLatch fetching = new CountDownLatch(1);
    final CountDownLatch replacing = new CountDownLatch(1);
    final Semaphore arrived = new Semaphore(0);
    final Semaphore replaced = new Semaphore(0);
    volatile boolean interrupted;

    @Override
    public BallotContent look(boolean audit) {
      return QuietGuest.ballot(audit);
    }

    @Override
    public boolean followUp() {
      return true;
    }

    @Override
    public void stand(io.virtquorum.guest.Standing standing) {}

    @Override
    public HealthContent health() {
      return HealthContent.GOOD;
    }

    @Override
    public FromMember run(Command command, Duration left, Recall recall) throws GuestException {
      begun.add(command.getId());
      fetching.countDown();
      await(arrived, left);
      recall.passed();
      replacing.countDown();
      await(replaced, left);
      return Answers.message(Answers.done(command.getId()));
    }

    /** As what waits for a guest does. */
    private void await(Semaphore what, Duration left) throws GuestException {
      try {
        what.tryAcquire(left.toNanos(), TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
        Thread.currentThread().interrupt();
        throw new GuestException.TimedOut("Interrupted while it waited for the guest");
      }
    }

    @Override
    public void close() {}
  }
}
