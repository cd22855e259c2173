package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Output;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Finds out which state is right, by the rule that the moment asks for: {@link FirstEpoch}, {@link
 * LeadingPrimary} or {@link VotesAlone}. A pure function of what is known.
 */
final class Assessor {
  private Assessor() {}

  static Assessment assess(Picture picture) {
    Optional<Committed> committed = picture.record().committed();
    Ruling ruling =
        committed.isEmpty() ? FirstEpoch.rule(picture) : afterIt(picture, committed.get());
    return new Assessment(
        picture.classes(),
        ruling.verdict(),
        ruling.chosenPrimary(),
        ruling.disagreeing(),
        outputs(picture),
        ruling.holds());
  }

  private static Ruling afterIt(Picture picture, Committed committed) {
    if (picture.recordIsOlder()) {
      return Ruling.hold(picture, OlderRecord.hold(picture));
    }
    return picture.config().authority() == Authority.VOTES
        ? VotesAlone.rule(picture, committed)
        : LeadingPrimary.rule(picture, committed);
  }

  /** Rule 1: outputs have no say in which state is right; it is told where they differ. */
  private static Map<String, Map<Output, List<String>>> outputs(Picture picture) {
    Map<String, Map<Output, List<String>>> holders = new TreeMap<>();
    picture
        .outputs()
        .forEach(
            (feature, outputs) -> {
              Map<Output, List<String>> alike = new LinkedHashMap<>();
              outputs.forEach(
                  (name, output) ->
                      alike.computeIfAbsent(output, o -> new ArrayList<>()).add(name));
              holders.put(feature, alike);
            });
    holders
        .values()
        .removeIf(
            outputs ->
                outputs.size() == 1
                    && outputs.keySet().iterator().next().kind() != Output.Kind.FAILED);
    return holders;
  }
}
