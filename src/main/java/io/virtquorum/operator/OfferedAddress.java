package io.virtquorum.operator;

import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Outcome;
import io.virtquorum.adjudicate.Trouble;
import java.util.Optional;

/**
 * Believes an offer only if it names the sample's own address on the sync network: whoever offers
 * another has the puller talk to a machine that nobody asked. Pure.
 */
final class OfferedAddress {
  private OfferedAddress() {}

  /** The offer, or that the order failed. */
  static Event check(Event.Offered offered, ClusterSettings settings) {
    String address = offered.offer().address();
    Optional<String> own =
        Optional.ofNullable(settings.members().get(offered.member()))
            .map(ClusterSettings.Vm::syncHost);
    if (own.filter(address::equals).isPresent()) {
      return offered;
    }
    var trouble =
        new Trouble(
            "OfferRefused",
            "%s offers its state at %s, and %s."
                .formatted(
                    offered.member(),
                    address,
                    own.map(a -> "its address on the sync network is " + a)
                        .orElse("it has no address on the sync network")));
    return new Event.Finished(offered.member(), offered.id(), new Outcome.Failed(trouble));
  }
}
