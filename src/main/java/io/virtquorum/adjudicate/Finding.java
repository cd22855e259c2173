package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.RowKey;
import java.util.List;

/**
 * Why a member is repaired, as data: what is right and by which votes, and what was wrong with the
 * member.
 */
public sealed interface Finding {
  /** Who is repaired. */
  String member();

  /** What is right: a root, or the digest of an output. */
  Digest right();

  /** True if somebody wrote what is replaced, as far as is known here. */
  boolean isAttributed();

  /** Completes "(the member) was repaired: ...". */
  String words();

  /**
   * Its files are not as they should be.
   *
   * @param verdict at the time of the decision
   * @param was the member's class then, and why
   * @param rows that the member is known to differ in, possibly cut short; empty: not known by name
   * @param isAttributed somebody wrote what is replaced, as far as is known here
   */
  record OfFiles(
      String member,
      Verdict.Elected verdict,
      Classification was,
      List<RowKey> rows,
      boolean isAttributed)
      implements Finding {
    public OfFiles {
      rows = List.copyOf(rows);
    }

    @Override
    public Digest right() {
      return verdict.target().root();
    }

    @Override
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

  /**
   * The output of a command is not what was elected.
   *
   * @param verdict of this feature alone
   * @param was what the member had
   */
  record OfOutput(String member, String feature, UnitVerdict verdict, Digest right, Output was)
      implements Finding {
    @Override
    public boolean isAttributed() {
      return false;
    }

    @Override
    public String words() {
      return "%s %s %s as output of %s (%d of %d votes), %s had %s"
          .formatted(
              Words.and(verdict.holders()),
              verdict.holders().size() == 1 ? "has" : "have",
              right.brief(),
              feature,
              verdict.tally().weightOf(right),
              verdict.tally().total(),
              member,
              was.display());
    }
  }
}
