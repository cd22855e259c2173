package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Ailment;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntPredicate;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A member whose work fails in ways that nobody foresaw. */
@Timeout(60)
final class FailingWorkTest {
  private final Sent sent = new Sent();
  private final AtomicInteger made = new AtomicInteger();

  @Test
  void givenAWorkThatFailsUnexpectedlyThenItIsTriedAgainAndTheMemberVotes() throws Exception {
    try (var guest = new QuietGuest();
        var thread =
            new MemberThread(
                new Identity("shop", "web-0", "uid"),
                "web",
                "test",
                guest,
                new Orders(0, term -> {}),
                configure -> work(),
                (hello, beat, listener) -> {
                  sent.listener = listener;
                  return sent;
                })) {
      sent.listener.configured(Configure.newBuilder().setTerm(1).setQuickMillis(60_000).build());
      await().atMost(Duration.ofSeconds(30)).until(() -> sent.ballots.size() == 1);
      sent.listener.attached();
      await().atMost(Duration.ofSeconds(30)).until(() -> sent.ballots.size() == 2);
    }
  }

  private MemberWork work() {
    if (made.incrementAndGet() == 1) {
      throw new IllegalStateException("not now");
    }
    return new Failing(look -> look % 2 == 1);
  }

  @Test
  void givenAWorkThatGoesOnFailingThenTheAdjudicatorIsToldUntilItLooksAgain() throws Exception {
    var now = new AtomicLong();
    var full = new AtomicBoolean();
    try (var guest = new QuietGuest();
        var member =
            new Member(
                new Identity("shop", "web-0", "uid"),
                "web",
                "test",
                guest,
                new Orders(0, term -> {}),
                configure -> new Failing(look -> full.get()),
                (hello, beat, listener) -> sent,
                now::get,
                new CalledRounds())) {
      member.configured(Configure.newBuilder().setTerm(1).setQuickMillis(2_000).build());
      member.round();
      full.set(true);
      for (int second = 0; second < 10; second += 2) {
        now.addAndGet(Duration.ofSeconds(2).toNanos());
        assertThatThrownBy(member::round).hasRootCauseMessage("No space left on device");
      }
      assertThat(sent.health).isEmpty();
      now.addAndGet(Duration.ofSeconds(2).toNanos());
      assertThatThrownBy(member::round).hasRootCauseMessage("No space left on device");
      assertThat(member.fails()).isTrue();
      assertThat(sent.health.getLast().getAilmentsList())
          .extracting(Ailment::getReason)
          .containsExactly("SidecarFails");

      full.set(false);
      now.addAndGet(Duration.ofSeconds(1).toNanos());
      member.round();
      assertThat(member.fails()).as("no look was due").isTrue();
      now.addAndGet(Duration.ofSeconds(1).toNanos());
      member.round();
      assertThat(member.fails()).isFalse();
      assertThat(sent.health.getLast().getAilmentsList()).isEmpty();
    }
  }

  @Test
  void givenLooksThenBeatsTellHowLongAgoTheNewestGoodOneBegan() throws Exception {
    var now = new AtomicLong();
    var beats = new ArrayList<LongFunction<Beat>>();
    try (var guest = new QuietGuest();
        var member =
            new Member(
                new Identity("shop", "web-0", "uid"),
                "web",
                "test",
                guest,
                new Orders(0, term -> {}),
                configure -> new Failing(look -> look == 2),
                (hello, beat, listener) -> {
                  beats.add(beat);
                  return sent;
                },
                now::get,
                new CalledRounds())) {
      assertThat(beats.getFirst().apply(1).hasLookAgeMillis()).isFalse();
      var configure = Configure.newBuilder().setTerm(1).setQuickMillis(2_000);
      member.configured(configure.build());
      member.round();
      now.addAndGet(Duration.ofSeconds(2).toNanos());
      assertThat(beats.getFirst().apply(2).getLookAgeMillis()).isEqualTo(2_000);
      assertThat(beats.getFirst().apply(2).getLooking()).isFalse();

      assertThatThrownBy(member::round).isInstanceOf(UncheckedIOException.class);
      now.addAndGet(Duration.ofSeconds(3).toNanos());
      assertThat(beats.getFirst().apply(3).getLookAgeMillis())
          .as("the second look failed")
          .isEqualTo(5_000);

      member.round();
      assertThat(beats.getFirst().apply(4).getLookAgeMillis()).isZero();
      member.configured(configure.setObserve(true).setQuickMillis(60_000).build());
      now.addAndGet(Duration.ofSeconds(1).toNanos());
      assertThat(beats.getFirst().apply(5).getLookAgeMillis()).isEqualTo(1_000);
      member.round();
      assertThat(beats.getFirst().apply(6).getLookAgeMillis()).isZero();
    }
  }

  /** Some looks fail, as with a full disk of the node. */
  private static final class Failing implements MemberWork {
    private final IntPredicate fails;
    private int looks;

    /**
     * @param fails the looks, from 1
     */
    Failing(IntPredicate fails) {
      this.fails = fails;
    }

    @Override
    public BallotContent look(boolean audit) {
      if (fails.test(++looks)) {
        throw new UncheckedIOException(new IOException("No space left on device"));
      }
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
    public FromMember run(Command command, Duration left, Recall recall) {
      return Answers.refused(command.getId(), "None", "There is no order");
    }

    @Override
    public void close() {}
  }
}
