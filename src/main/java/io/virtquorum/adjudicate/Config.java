package io.virtquorum.adjudicate;

import io.virtquorum.vote.VotingRule;
import io.virtquorum.vote.Weights;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * What an HACluster asks of its adjudicator.
 *
 * @param members the members wanted and their base weights
 * @param observe vote and report, touch nothing
 * @param voting how votes are counted
 * @param timing how long what may last
 * @param canQuiesce some feature has a command that keeps its writers still
 * @param bootstrap how the first epoch comes about where members differ
 * @param promote the member that a person wants to be the primary, with what it holds; until that
 *     is recorded
 */
public record Config(
    Map<String, Integer> members,
    boolean observe,
    Voting voting,
    Timing timing,
    boolean canQuiesce,
    Bootstrap bootstrap,
    Optional<String> promote) {

  public Config {
    members = java.util.Collections.unmodifiableMap(new TreeMap<>(members));
  }

  /**
   * How votes are counted.
   *
   * @param bonus the connected bonus; empty means Auto
   */
  public record Voting(Authority authority, VotingRule rule, OptionalInt bonus) {
    /** The record leads, a strict majority decides, the bonus is Auto. */
    public static Voting standard() {
      return new Voting(Authority.RECORD, VotingRule.STRICT_MAJORITY, OptionalInt.empty());
    }
  }

  /**
   * How the first epoch comes about where members differ (rule 14).
   *
   * @param from whose state it becomes
   * @param vote it may be elected
   */
  public record Bootstrap(Optional<String> from, boolean vote) {
    /** A person is asked. */
    public static Bootstrap ask() {
      return new Bootstrap(Optional.empty(), false);
    }
  }

  /**
   * How long what may last.
   *
   * @param settle a difference must last so long before the committed state is restored
   * @param patience a primary that cannot serve leads so long before another one does
   */
  public record Timing(Duration settle, Duration patience) {
    /** 6 s and 30 s. */
    public static Timing standard() {
      return new Timing(Duration.ofSeconds(6), Duration.ofSeconds(30));
    }
  }

  /** See {@link Timing}. */
  public Duration settle() {
    return timing.settle();
  }

  /** See {@link Timing}. */
  public Duration patience() {
    return timing.patience();
  }

  /** What decides first. */
  public Authority authority() {
    return voting.authority();
  }

  Weights weights(ClusterRecord record) {
    return new Weights(record.members(), voting.bonus());
  }

  /** The same with other members. */
  public Config withMembers(Map<String, Integer> newMembers) {
    return new Config(newMembers, observe, voting, timing, canQuiesce, bootstrap, promote);
  }

  /** The same with another mode. */
  public Config withObserve(boolean newObserve) {
    return new Config(members, newObserve, voting, timing, canQuiesce, bootstrap, promote);
  }

  /** The same with or without commands that keep writers still. */
  public Config withCanQuiesce(boolean newCanQuiesce) {
    return new Config(members, observe, voting, timing, newCanQuiesce, bootstrap, promote);
  }

  /** The same with votes counted otherwise. */
  public Config withVoting(Voting newVoting) {
    return new Config(members, observe, newVoting, timing, canQuiesce, bootstrap, promote);
  }

  /** The same with another way to the first epoch. */
  public Config withBootstrap(Bootstrap newBootstrap) {
    return new Config(members, observe, voting, timing, canQuiesce, newBootstrap, promote);
  }

  /** The same with another wish for a primary. */
  public Config withPromote(Optional<String> newPromote) {
    return new Config(members, observe, voting, timing, canQuiesce, bootstrap, newPromote);
  }
}
