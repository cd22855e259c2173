package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.stub.StreamObserver;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.api.FileTree;
import io.virtquorum.api.GuestProgram;
import io.virtquorum.api.StateSpec;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.ToMember;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of mail that is posted at the wrong moment. */
@Timeout(60)
class ClusterRuntimeTest {
  private static final Hello WEB_0 =
      Hello.newBuilder()
          .setNamespace("shop")
          .setCluster("web")
          .setMember("web-0")
          .setVmiUid("uid-0")
          .build();

  private final CountDownLatch busy = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile Runnable changed = () -> {};

  @AutoClose
  private final ClusterRuntime runtime =
      new ClusterRuntime(
          "shop",
          "web",
          new Legacy(ClusterRecord.none(), 0, Optional.empty(), Optional.empty()),
          new byte[32],
          new Surroundings(
              null,
              _ -> {},
              _ -> true,
              () -> changed.run(),
              Clock.systemUTC(),
              System::nanoTime,
              new Surroundings.GuestProbes((_, _) -> GuestProbe.Answer.ALIVE, _ -> {})));

  @Test
  void givenSettingsThatNobodyTookInThenNobodyMayAttachAndTheSameAgainIsNews() {
    Thread.currentThread().interrupt();
    assertThat(runtime.configure(settings())).isFalse();
    assertThat(Thread.interrupted()).isTrue();
    assertThat(runtime.objection(WEB_0)).isPresent();

    assertThat(runtime.configure(settings())).isTrue();
    assertThat(runtime.objection(WEB_0)).isEmpty();
  }

  @Test
  void givenAStreamThatNobodyTookInBeforeTheEndThenItIsClosed() throws InterruptedException {
    changed = this::hang;
    assertThat(runtime.configure(settings())).isTrue();
    busy.await();
    runtime.attach(new MemberStream(WEB_0, observer(), System::nanoTime));
    runtime.end();
    ended.await();
    assertThat(runtime.objection(WEB_0)).isPresent();
  }

  @Test
  void givenATermThatNoOperatorEverHadThenTheSidecarMayNotAttach() {
    assertThat(runtime.configure(settings())).isTrue();
    for (long term : new long[] {-1, Terms.MOST + 1}) {
      assertThat(runtime.objection(WEB_0.toBuilder().setTermSeen(term).build()).orElseThrow())
          .startsWith("web-0 says that it heard term ");
    }
    assertThat(runtime.highestTerm()).isEqualTo(1);
  }

  @Test
  void givenASidecarThatCallsAnAdjudicatorThatEndedThenItsTermIsHeardForTheNext() {
    assertThat(runtime.configure(settings())).isTrue();
    runtime.end();
    assertThat(runtime.objection(WEB_0.toBuilder().setTermSeen(41).build())).isPresent();
    assertThat(runtime.highestTerm()).isEqualTo(41);
  }

  /** Until it is interrupted, as a write to an API server that does not answer. */
  private void hang() {
    busy.countDown();
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private StreamObserver<ToMember> observer() {
    return new StreamObserver<>() {
      @Override
      public void onNext(ToMember message) {}

      @Override
      public void onError(Throwable error) {}

      @Override
      public void onCompleted() {
        ended.countDown();
      }
    };
  }

  private static ClusterSettings settings() {
    return new ClusterSettings(
        new Config(
            Map.of("web-0", 1),
            false,
            Config.Voting.standard(),
            Config.Timing.standard(),
            false,
            Config.Bootstrap.ask(),
            Optional.empty()),
        Map.of(
            "web-0",
            new ClusterSettings.Vm(
                Optional.of("uid-0"),
                true,
                Optional.empty(),
                Optional.of("10.244.1.23"),
                "02:00:00:00:00:01",
                "172.31.77.1/24")),
        StateSpec.ofFiles(new FileTree("site", "/srv/www")),
        List.of(80),
        Duration.ofMillis(100),
        Duration.ofSeconds(2),
        Duration.ofMinutes(10),
        20,
        1L << 30,
        50_000_000,
        GuestProgram.Update.AUTO,
        "");
  }
}
