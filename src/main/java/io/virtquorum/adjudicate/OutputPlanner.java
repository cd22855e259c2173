package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.vote.Tally;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Rule 1: the output of each command that can be repaired is a unit of its own, decided by the same
 * tally without epochs. Members whose command failed have no vote, and are told.
 */
final class OutputPlanner {
  private final Picture picture;
  private final OrderBook orders;

  private OutputPlanner(Picture picture, OrderBook orders) {
    this.picture = picture;
    this.orders = orders;
  }

  /** Gives the orders that there are to give, to members that the files leave free. */
  static void plan(Picture picture, OrderBook orders) {
    // Nothing is repaired before the first epoch (rule 14).
    if (picture.record().committed().isPresent()) {
      picture.outputs().forEach(new OutputPlanner(picture, orders)::plan);
    }
  }

  private void plan(String feature, Map<String, Output> outputs) {
    Map<String, Digest> digests = new TreeMap<>();
    outputs.forEach(
        (name, output) -> {
          if (output.kind() == Output.Kind.REPAIRABLE) {
            digests.put(name, output.digest());
          }
        });
    if (digests.isEmpty()) {
      return; // nobody can repair it
    }
    UnitVerdict verdict = UnitVerdict.of(picture.record(), picture.config(), digests);
    if (!(verdict.tally() instanceof Tally.Elected elected)) {
      return;
    }
    for (String loser : verdict.losers()) {
      boolean waits = picture.member(loser).triesOf(feature).notBefore().isAfter(picture.now());
      if (!waits && orders.isFree(loser)) {
        sample(verdict)
            .ifPresent(
                sample ->
                    orders.apply(
                        loser,
                        sample,
                        feature,
                        elected.root(),
                        new Finding.OfOutput(
                            loser, feature, verdict, elected.root(), outputs.get(loser))));
      }
    }
  }

  private Optional<String> sample(UnitVerdict verdict) {
    return verdict.holders().stream()
        .filter(orders::isStill)
        .min(
            Comparator.comparing((String m) -> !picture.record().isPrimary(m))
                .thenComparing(Comparator.naturalOrder()));
  }
}
