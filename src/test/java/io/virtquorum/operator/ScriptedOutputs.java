package io.virtquorum.operator;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.wire.OfferContent;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.ApplyOutput;
import io.virtquorum.wire.v1.Command;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What a {@link ScriptedMember} has beside its files. Not safe for use by many threads. */
final class ScriptedOutputs {
  private final Map<String, Output> outputs = new TreeMap<>();

  void put(String feature, Output output) {
    outputs.put(feature, output);
  }

  Map<String, Output> all() {
    return Map.copyOf(outputs);
  }

  /** The offer that is asked for; empty if the command says something else. */
  Optional<OfferContent> serve(Command order, String address) throws WireException {
    String feature = order.getServeOutput().getFeature();
    Digest digest = WireMapping.readDigest(order.getServeOutput().getDigest(), "");
    return Optional.ofNullable(outputs.get(feature))
        .filter(o -> o.kind() == Output.Kind.REPAIRABLE && o.digest().equals(digest))
        .map(o -> Output.matrix(feature, digest))
        .map(matrix -> new OfferContent(order.getId(), matrix, address, 8730, "secret"));
  }

  /** The command says from now on what was offered. */
  void apply(ApplyOutput order) throws WireException {
    Digest digest = WireMapping.readDigest(order.getDigest(), "");
    OfferContent offer = WireMapping.read(order.getOffer());
    if (!offer.matrix().equals(Output.matrix(order.getFeature(), digest))) {
      throw new WireException("what is offered is not what must come out");
    }
    outputs.put(order.getFeature(), new Output(digest, "", Output.Kind.REPAIRABLE));
  }
}
