package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Finds out which state is right, by the rule that the moment asks for: {@link FirstEpoch}, {@link
 * LeadingPrimary} or {@link VotesAlone}. A pure function of what is known.
 */
final class Assessor {
  private Assessor() {}

  static Assessment assess(Picture picture) {
    Optional<Committed> committed = picture.record().committed();
    Ruling ruling =
        committed.isEmpty()
            ? FirstEpoch.rule(picture)
            : picture.config().authority() == Authority.VOTES
                ? VotesAlone.rule(picture, committed.get())
                : LeadingPrimary.rule(picture, committed.get());
    return new Assessment(
        picture.classes(),
        ruling.verdict(),
        ruling.chosenPrimary(),
        ruling.disagreeing(),
        compared(picture),
        ruling.holds());
  }

  /** Rule 1: what can only be compared never votes; it is told where it differs. */
  private static Map<String, Map<Digest, List<String>>> compared(Picture picture) {
    Map<String, Map<Digest, List<String>>> holders = new TreeMap<>();
    picture
        .usable()
        .forEach(
            name ->
                picture
                    .ballot(name)
                    .compared()
                    .forEach(
                        (feature, digest) ->
                            holders
                                .computeIfAbsent(feature, f -> new TreeMap<>())
                                .computeIfAbsent(digest, d -> new ArrayList<>())
                                .add(name)));
    return holders.entrySet().stream()
        .filter(e -> e.getValue().size() > 1)
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }
}
