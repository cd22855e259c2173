package io.virtquorum.adjudicate;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Rule 9: a state is committed when members that are a strict majority by count of the record were
 * verified to hold it.
 */
final class Commits {
  private final Picture picture;
  private final ClusterRecord record;

  private Commits(Picture picture) {
    this.picture = picture;
    this.record = picture.record();
  }

  static RecordPlanner.Plan plan(Picture picture, Assessment assessment) {
    Commits commits = new Commits(picture);
    return assessment
        .target()
        .flatMap(commits::commit)
        .or(() -> commits.newestShared().flatMap(commits::commit))
        .map(RecordPlanner.Plan::of)
        .orElseGet(RecordPlanner.Plan::none);
  }

  /**
   * The newest root of this tenure beyond C that a strict majority by count remembers, where the
   * primary has moved on since.
   */
  private Optional<Target> newestShared() {
    return record
        .committed()
        .flatMap(
            committed ->
                picture
                    .usable()
                    .flatMap(m -> picture.accepted(picture.ballot(m), committed).stream())
                    .filter(t -> verified(t).size() >= record.majority())
                    .max(Comparator.comparing(Target::position)));
  }

  private List<String> verified(Target target) {
    return picture.usable().filter(m -> target.rememberedBy(picture.ballot(m))).toList();
  }

  private Optional<RecordChange> commit(Target target) {
    Optional<Committed> committed = record.committed();
    if (committed.isPresent() && !target.position().isAfter(committed.get().position())) {
      return Optional.empty();
    }
    List<String> verified = verified(target);
    if (verified.size() < record.majority()) {
      return Optional.empty();
    }
    long epoch = committed.map(Committed::epoch).orElse(0L) + 1;
    Command.Tell news =
        new Command.Tell(
            false,
            "Committed",
            "Epoch %d is %s: %s. Verified on %s (%d of %d, %d needed)."
                .formatted(
                    epoch,
                    target.root().brief(),
                    target.why(),
                    Words.and(verified),
                    verified.size(),
                    record.members().size(),
                    record.majority()));
    return Optional.of(
        new RecordChange(
            record.withCommitted(new Committed(epoch, target.position(), target.root())),
            Optional.of(news),
            Optional.empty()));
  }
}
