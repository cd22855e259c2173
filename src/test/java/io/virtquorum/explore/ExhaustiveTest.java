package io.virtquorum.explore;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.adjudicate.Config;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Model checking of the production reducer: three members in sync, and from there everything that
 * may happen in whatever order, within a budget of faults. What is not in these worlds: more than
 * two rows, deletions, sessions of people who change nothing, promotions, changes of the spec, rot
 * of a row that was written and not remembered since, and a clock that stands between the moments
 * that matter: time passes in steps beyond the settle time, or beyond the next deadline of an
 * order. An answer of the API server that is not lost is taken in before anything else happens to
 * its leader.
 *
 * <p>{@code -Dexplore.depth=N} and {@code -Dexplore.states=N} bound each budget's worlds; {@code
 * make explore} raises them.
 */
final class ExhaustiveTest {
  private static final int DEPTH = Integer.getInteger("explore.depth", 100);
  private static final int STATES = Integer.getInteger("explore.states", 0);
  private static final Config CONFIG =
      new Config(
          Map.of("web-0", 1, "web-1", 1, "web-2", 1),
          false,
          Config.Voting.standard(),
          Config.Timing.standard(),
          false,
          Config.Bootstrap.ask(),
          Optional.empty());

  /**
   * What may go wrong in one exploration.
   *
   * @param states worlds at most, unless a property says otherwise
   */
  private record Campaign(String name, Budget budget, int states) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Campaign> campaigns() {
    return Stream.of(
        new Campaign(
            "two of two writes, rot and a power cut",
            new Budget(2, 2, 1, 1, 0, 0, 0, 0, 0, 1, 0),
            300_000),
        new Campaign(
            "two of two writes, a power cut and a lost stream",
            new Budget(2, 2, 0, 1, 1, 0, 0, 0, 0, 1, 0),
            300_000),
        new Campaign(
            "two of a write, a power cut, an unknown change of the record and a wrong death",
            new Budget(2, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0),
            300_000),
        new Campaign(
            "one of each, and a deadline", new Budget(1, 1, 1, 1, 1, 0, 1, 1, 1, 2, 1), 100_000),
        new Campaign(
            "two of a write, a lost stream and a second leader",
            new Budget(2, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0),
            50_000),
        new Campaign(
            "two of a power cut, an unknown change of the record and a second leader",
            new Budget(2, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0),
            50_000));
  }

  @ParameterizedTest
  @MethodSource("campaigns")
  void whateverHappensInWhateverOrderNoRuleBreaksAndEverybodyComesToRest(Campaign campaign) {
    World begin = inSync();
    long start = System.nanoTime();
    Explorer.Result result =
        new Explorer(begin, campaign.budget()).run(DEPTH, STATES > 0 ? STATES : campaign.states());
    long millis = (System.nanoTime() - start) / 1_000_000;
    int waits = 0;
    for (World world : result.samples()) {
      waits += Drain.of(world) == Drain.End.WAITS_FOR_A_PERSON ? 1 : 0;
    }
    System.out.printf(
        "%s: %d worlds, %d transitions, depth %d%s, %d ms; of %d worlds without further faults %d"
            + " come in sync and %d wait for a person%n",
        campaign,
        result.states(),
        result.transitions(),
        result.depth(),
        result.exhausted() ? " (all there is)" : "",
        millis,
        result.samples().size(),
        result.samples().size() - waits,
        waits);
    assertThat(result.exhausted() || result.states() > 1000 || result.depth() >= DEPTH).isTrue();
  }

  private static World inSync() {
    World fresh = new World();
    fresh.config = CONFIG;
    for (int m = 0; m < World.MEMBERS; m++) {
      fresh.members[m] = new Member(Disk.of(0));
    }
    World begin = Drain.begin(fresh);
    assertThat(begin.isInSync()).as(begin.words()).isTrue();
    return begin;
  }
}
