package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.wire.v1.Audit;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Progress;
import io.virtquorum.wire.v1.Progress.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class OrdersTest {
  private final long now = System.nanoTime();
  private final List<Long> kept = new ArrayList<>();
  private final Orders orders = new Orders(3, kept::add);

  @Test
  void givenATermThatIsOlderThenTheOrderIsRefused() {
    Progress refusal = orders.take(audit("a", 2), now).orElseThrow().getProgress();
    assertThat(refusal.getOutcome()).isEqualTo(Outcome.OUTCOME_REFUSED);
    assertThat(refusal.getReason()).isEqualTo("OldTerm");
    assertThat(refusal.getCommandId()).isEqualTo("a");
    assertThat(orders.next()).isEmpty();
  }

  @Test
  void givenANewerTermThenItIsKeptBeforeItIsObeyedAndOlderOnesEnd() {
    assertThat(orders.take(audit("a", 3), now)).isEmpty();
    assertThat(orders.take(audit("b", 5), now)).isEmpty();
    assertThat(kept).containsExactly(5L);
    assertThat(orders.obeys(4)).isFalse();
    var old = orders.next().orElseThrow();
    assertThat(orders.refusal(old, now).orElseThrow().getProgress().getReason())
        .isEqualTo("OldTerm");
    assertThat(orders.refusal(orders.next().orElseThrow(), now)).isEmpty();
  }

  @Test
  void givenAnOrderThatComesAgainThenItRunsOnceAndTheAnswerIsTheSame() {
    assertThat(orders.take(audit("a", 3), now)).isEmpty();
    assertThat(orders.take(audit("a", 3), now)).isEmpty();
    assertThat(orders.next()).isPresent();
    assertThat(orders.next()).isEmpty();
    FromMember answer = done("a");
    orders.answered("a", answer);
    assertThat(orders.take(audit("a", 3), now)).contains(answer);
    assertThat(orders.next()).isEmpty();
  }

  @Test
  void givenManyAnswersThenTheLastHundredAreRemembered() {
    for (int i = 0; i < 500; i++) {
      assertThat(orders.take(audit("c" + i, 3), now)).isEmpty();
      orders.next();
      orders.answered("c" + i, done("c" + i));
    }
    assertThat(orders.take(audit("c400", 3), now)).contains(done("c400"));
    assertThat(orders.take(audit("c0", 3), now)).isEmpty();
    assertThat(orders.next()).as("forgotten, so it runs again").isPresent();
  }

  @Test
  void givenAnOrderThatExpiredInItsTurnThenItIsRefused() {
    orders.take(audit("a", 3), now);
    var order = orders.next().orElseThrow();
    assertThat(order.left(now)).isEqualTo(Duration.ofSeconds(1));
    assertThat(orders.refusal(order, now + 999_000_000L)).isEmpty();
    assertThat(orders.refusal(order, now + 1_000_000_000L).orElseThrow().getProgress().getReason())
        .isEqualTo("Expired");
  }

  @Test
  void givenTooManyWaitingThenTheNextIsRefusedAndNotForgottenAsDone() {
    for (int i = 0; i < Orders.WAITING; i++) {
      assertThat(orders.take(audit("c" + i, 3), now)).isEmpty();
    }
    assertThat(orders.take(audit("x", 3), now).orElseThrow().getProgress().getReason())
        .isEqualTo("Busy");
    orders.next();
    assertThat(orders.take(audit("x", 3), now)).isEmpty();
  }

  @Test
  void givenAnOrderThatThisVersionDoesNotKnowThenTheSentenceSaysWhatToDo() {
    Command unknown = Command.newBuilder().setId("a").setTerm(3).build();
    Optional<FromMember> answer = orders.take(unknown, now);
    assertThat(answer.orElseThrow().getProgress().getMessage()).contains("update its image");
  }

  private static Command audit(String id, long term) {
    return Command.newBuilder()
        .setId(id)
        .setTerm(term)
        .setExpiresInMillis(1_000)
        .setAudit(Audit.getDefaultInstance())
        .build();
  }

  private static FromMember done(String id) {
    return FromMember.newBuilder()
        .setProgress(Progress.newBuilder().setCommandId(id).setOutcome(Outcome.OUTCOME_DONE))
        .build();
  }
}
