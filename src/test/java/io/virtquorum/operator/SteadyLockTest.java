package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaderElectionRecord;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import org.junit.jupiter.api.Test;

/** How old a lease is, whatever its holder's clock and one's own say. */
class SteadyLockTest {
  private final SteppingClock clock = new SteppingClock(Instant.parse("2026-11-22T12:00:00Z"));
  private LeaderElectionRecord stored;
  private final SteadyLock lock =
      new SteadyLock(
          new Lock() {
            @Override
            public LeaderElectionRecord get(KubernetesClient client) {
              return stored;
            }

            @Override
            public void create(KubernetesClient client, LeaderElectionRecord first) {
              stored = first;
            }

            @Override
            public void update(KubernetesClient client, LeaderElectionRecord next) {
              stored = next;
            }

            @Override
            public String identity() {
              return "b";
            }

            @Override
            public String describe() {
              return "the lease";
            }
          },
          clock,
          clock::nanoTime);

  private void renewedBy(String holder, String time) {
    ZonedDateTime at = ZonedDateTime.parse(time);
    lock.update(null, new LeaderElectionRecord(holder, Duration.ofSeconds(8), at, at, 3));
  }

  private Duration age() {
    return Duration.between(
        lock.get(null).getRenewTime(), ZonedDateTime.ofInstant(clock.instant(), ZoneOffset.UTC));
  }

  @Test
  void givenNoLeaseThenThereIsNone() {
    assertThat(lock.get(null)).isNull();
  }

  @Test
  void givenAHolderWhoseClockIsAnHourAheadThenItsLeaseRunsOutAsItShould() {
    renewedBy("a", "2026-11-22T13:00:00Z");
    assertThat(age()).isZero();
    clock.pass(Duration.ofSeconds(9));
    assertThat(age()).isEqualTo(Duration.ofSeconds(9));
  }

  @Test
  void givenAHolderWhoseClockIsAnHourBehindThenItsLeaseLivesWhileItIsRenewed() {
    renewedBy("a", "2026-11-22T11:00:00Z");
    assertThat(age()).isZero();
    clock.pass(Duration.ofSeconds(5));
    renewedBy("a", "2026-11-22T11:00:05Z");
    assertThat(age()).isZero();
  }

  @Test
  void givenAClockThatStepsBackThenADeadHoldersLeaseRunsOutAsItShould() {
    renewedBy("a", "2026-11-22T12:00:00Z");
    assertThat(age()).isZero();
    clock.step(Duration.ofHours(-1));
    clock.pass(Duration.ofSeconds(9));
    assertThat(age()).isEqualTo(Duration.ofSeconds(9));
    assertThat(lock.get(null).getHolderIdentity()).isEqualTo("a");
    assertThat(lock.get(null).getLeaderTransitions()).isEqualTo(3);
  }
}
