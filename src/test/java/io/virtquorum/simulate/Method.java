package io.virtquorum.simulate;

import io.virtquorum.adjudicate.Authority;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.vote.VotingRule;
import java.util.OptionalInt;

/** How it is decided which state is right. */
enum Method {
  /** The default: the record leads, and votes decide what it leaves open. */
  OURS(Config.Voting.standard()),

  /** Votes alone, and half of them are enough. */
  ORIGINAL(new Config.Voting(Authority.VOTES, VotingRule.AT_LEAST_HALF, OptionalInt.empty()));

  final Config.Voting voting;

  Method(Config.Voting voting) {
    this.voting = voting;
  }
}
