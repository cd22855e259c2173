package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * Who has the rows that a member lost (rules 4 and 8): any healthy member whose row is as it was
 * remembered, whatever else is the matter with it.
 */
final class Donors {
  private final Picture picture;
  private final String name;

  /** Of what this member, which reports and remembers something, lost. */
  Donors(Picture picture, String name) {
    this.picture = picture;
    this.name = name;
  }

  /** The others, those who are to join included, in order of their names. */
  List<String> others() {
    return picture.healthy().filter(m -> !m.equals(name)).toList();
  }

  /** Who certainly has most of these rows. */
  Optional<String> best(List<Change> changes, Predicate<String> ready) {
    return others().stream()
        .filter(m -> ready.test(m) && !kept(m, changes).isEmpty())
        .max(
            Comparator.comparing((String m) -> kept(m, changes).size())
                .thenComparing(Comparator.reverseOrder()));
  }

  /** The rows that this donor certainly has as the member remembers them. */
  List<Change> kept(String donor, List<Change> changes) {
    Ballot theirs = picture.ballot(donor);
    return remembersAlike(donor)
        ? changes.stream().filter(c -> c.before().isPresent() && theirs.keeps(c.key())).toList()
        : List.of();
  }

  /** The rows that nobody certainly has. */
  List<Change> orphans(List<Change> changes) {
    return changes.stream()
        .filter(c -> c.before().isPresent())
        .filter(c -> others().stream().allMatch(m -> kept(m, List.of(c)).isEmpty()))
        .toList();
  }

  /** Who may have rows though no ballot tells: the rows that it offers will. */
  List<String> unknown() {
    return others().stream().filter(m -> !isKnown(m)).sorted().toList();
  }

  /** Of those the one whose turn it is, of whoever is ready: each attempt begins with the next. */
  Optional<String> next(int attempts, Predicate<String> ready) {
    List<String> unknown = unknown();
    return IntStream.range(0, unknown.size())
        .mapToObj(i -> unknown.get((attempts + i) % unknown.size()))
        .filter(ready)
        .findFirst();
  }

  /** True if the ballots alone tell which of the member's rows the donor has. */
  private boolean isKnown(String donor) {
    Ballot theirs = picture.ballot(donor);
    return remembersAlike(donor) && theirs.changes().size() == theirs.changesTotal();
  }

  private boolean remembersAlike(String donor) {
    return picture
        .remembered(donor)
        .filter(m -> m.root().equals(picture.remembered(name).orElseThrow().root()))
        .isPresent();
  }
}
