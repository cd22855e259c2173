package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Brings a member back to what it remembers, row by row, where nobody holds all of it (rule 8).
 * What it holds instead is archived.
 */
final class Rebuild {
  /** Each who may have rows is asked that often before it is given up. */
  private static final int TRIES = 2;

  private final Picture picture;
  private final String name;
  private final Donors donors;
  private final List<Change> changes;

  private Rebuild(Picture picture, String name) {
    this.picture = picture;
    this.name = name;
    this.donors = new Donors(picture, name);
    this.changes = picture.ballot(name).changes();
  }

  /**
   * The rebuilding of this member; empty if nothing can be done for it.
   *
   * @param target what it must remember, or what came of that in the same tenure: it was accepted,
   *     and holds all of it
   */
  static Optional<Rebuild> of(Picture picture, Target target, String name) {
    if (picture.record().isPrimary(name)
        || !picture.isUsable(name)
        || !(target.rememberedBy(picture.ballot(name)) || remembersLater(picture, target, name))
        || picture.ballot(name).unchanged()
        || !picture.ballot(name).rot().isEmpty()) { // which comes first (rule 4)
      return Optional.empty();
    }
    Rebuild rebuild = new Rebuild(picture, name);
    return rebuild.next(m -> true).isPresent() ? Optional.of(rebuild) : Optional.empty();
  }

  private static boolean remembersLater(Picture picture, Target target, String name) {
    long tenure = picture.record().tenure();
    return picture
        .remembered(name)
        .map(Remembered::position)
        .filter(p -> p.tenure() == tenure && target.position().tenure() == tenure)
        .filter(p -> p.isAfter(target.position()))
        .isPresent();
  }

  /**
   * What can be done in one order.
   *
   * @param donor who is to serve; empty: nobody, rows only go
   * @param rows that are to come back
   * @param gone rows that are to go
   */
  record Step(Optional<String> donor, List<Row> rows, List<RowKey> gone) {}

  /**
   * The next step, with a donor that is ready. Nothing is removed before every row that is missing
   * has come: where one cannot be had, what the member holds instead may be all that is left of it.
   */
  Optional<Step> next(Predicate<String> ready) {
    List<Change> missing = changes.stream().filter(c -> c.before().isPresent()).toList();
    List<Change> orphans = donors.orphans(missing);
    if (!orphans.isEmpty()) {
      int attempts = picture.member(name).tries().failed();
      return attempts >= TRIES * donors.unknown().size()
          ? Optional.empty()
          : donors
              .next(attempts, ready)
              .map(donor -> new Step(Optional.of(donor), rows(orphans), List.of()));
    }
    List<RowKey> gone =
        changes.stream().filter(c -> c.before().isEmpty()).map(Change::key).toList();
    if (missing.isEmpty()) {
      return gone.isEmpty()
          ? Optional.empty()
          : Optional.of(new Step(Optional.empty(), List.of(), gone));
    }
    return donors
        .best(missing, ready)
        .map(
            donor -> {
              List<Row> rows = rows(donors.kept(donor, missing));
              boolean all = rows.size() == missing.size();
              return new Step(Optional.of(donor), rows, all ? gone : List.of());
            });
  }

  private static List<Row> rows(List<Change> changes) {
    return changes.stream()
        .flatMap(c -> c.before().map(before -> new Row(c.key(), before)).stream())
        .toList();
  }
}
