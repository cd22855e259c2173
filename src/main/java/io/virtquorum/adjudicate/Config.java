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
 * @param settle how long a difference must last before the committed state is restored
 * @param canQuiesce some feature has a command that keeps its writers still
 * @param bootstrap how the first epoch comes about where members differ
 * @param promote the member that a person wants to be the primary, with what it holds; until that
 *     is recorded
 */
public record Config(
    Map<String, Integer> members,
    boolean observe,
    Voting voting,
    Duration settle,
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

  /** What decides first. */
  public Authority authority() {
    return voting.authority();
  }

  Weights weights(ClusterRecord record) {
    return new Weights(record.members(), voting.bonus());
  }

  /** The same with other members. */
  public Config withMembers(Map<String, Integer> newMembers) {
    return new Config(newMembers, observe, voting, settle, canQuiesce, bootstrap, promote);
  }

  /** The same with another mode. */
  public Config withObserve(boolean newObserve) {
    return new Config(members, newObserve, voting, settle, canQuiesce, bootstrap, promote);
  }

  /** The same with or without commands that keep writers still. */
  public Config withCanQuiesce(boolean newCanQuiesce) {
    return new Config(members, observe, voting, settle, newCanQuiesce, bootstrap, promote);
  }

  /** The same with votes counted otherwise. */
  public Config withVoting(Voting newVoting) {
    return new Config(members, observe, newVoting, settle, canQuiesce, bootstrap, promote);
  }

  /** The same with another way to the first epoch. */
  public Config withBootstrap(Bootstrap newBootstrap) {
    return new Config(members, observe, voting, settle, canQuiesce, newBootstrap, promote);
  }

  /** The same with another wish for a primary. */
  public Config withPromote(Optional<String> newPromote) {
    return new Config(members, observe, voting, settle, canQuiesce, bootstrap, newPromote);
  }
}
