package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.RowKey;
import java.util.List;

/**
 * Why a member is repaired, as data: what is right and by which votes, and what was wrong with the
 * member.
 *
 * @param verdict at the time of the decision
 * @param was the member's class then, and why
 * @param rows that the member is known to differ in, possibly cut short; empty: not known by name
 */
public record Finding(
    String member, Verdict.Elected verdict, Classification was, List<RowKey> rows) {
  public Finding {
    rows = List.copyOf(rows);
  }

  /** Completes "(the member) was repaired: ...". */
  public String words() {
    return verdict.words() + ", " + difference();
  }

  private String difference() {
    return switch (was.cause()) {
      case Cause.Rotted rotted ->
          "%s's %s%s".formatted(member, Words.rows(rows, rows.size()), rotted.how(rows.size()));
      case Cause.Written written ->
          "%s's %s%s"
              .formatted(member, Words.rows(rows, written.total()), written.how(written.total()));
      case Cause.HoldsCommitted _ -> member + " still held the committed state";
      case Cause.HoldsElected elected ->
          "%s still held the elected state %s".formatted(member, elected.position());
      case Cause.NothingCommitted _ -> member + " differed before the first epoch";
      default -> "%s was behind: %s".formatted(member, was.why());
    };
  }
}
