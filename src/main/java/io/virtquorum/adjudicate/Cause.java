package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import java.util.List;

/** Why a member has its class, as data (design, rules 2 and 3). */
public sealed interface Cause {
  /** Its guest is dead. */
  record Dead() implements Cause {}

  /** Its sidecar is not connected. */
  record NotAttached() implements Cause {}

  /** It is connected and has not voted yet. */
  record NotReported() implements Cause {}

  /** It cannot be trusted or repaired at this moment. */
  record Ailing(Trouble trouble) implements Cause {}

  /** There is nothing to measure it against. */
  record NothingCommitted() implements Cause {}

  /** It has no durable memory. */
  record RemembersNothing() implements Cause {}

  /** It remembers something that this record cannot have given. */
  record RemembersAnother(Remembered remembered) implements Cause {}

  /** It remembers a tenure that the record does not know of: the record is the older one. */
  record RemembersNewer(Remembered remembered) implements Cause {}

  /** It remembers an older state than C. */
  record RemembersOlder(Position remembered, Position committed) implements Cause {}

  /**
   * It remembers a root that lost its claim with the tenure of the primary that wrote it (rule 12):
   * no commit of it is known.
   */
  record RemembersOutlived(Position remembered) implements Cause {}

  /** It holds C. */
  record HoldsCommitted() implements Cause {}

  /** It holds an elected root beyond C. */
  record HoldsElected(Position position) implements Cause {}

  /** A person ordered that what it holds is right. */
  record Promoted() implements Cause {}

  /**
   * Content changed that nothing had written.
   *
   * @param rows which, possibly cut short
   */
  record Rotted(List<RowKey> rows) implements Cause {
    public Rotted {
      rows = List.copyOf(rows);
    }
  }

  /**
   * It changed through its OS.
   *
   * @param rows which, possibly cut short
   * @param total how many in truth
   */
  record Written(List<RowKey> rows, int total, By by) implements Cause {
    public Written {
      rows = List.copyOf(rows);
    }
  }

  /** Who can have written. */
  enum By {
    /** It is the primary: whoever it was, it counts. */
    PRIMARY,
    /** It was the primary, and did not come back to the state since. */
    FORMER,
    /** A user was there since the member last held what it remembers. */
    USER,
    /** Nobody was there. */
    NOBODY,
    /** Nobody asks: {@link Authority#VOTES}. */
    ANYBODY
  }

  /** Completes "(the member) is (its class): ...". */
  default String words() {
    return switch (this) {
      case Dead _ -> "it is dead";
      case NotAttached _ -> "its sidecar is not connected";
      case NotReported _ -> "it has not reported yet";
      case Ailing ailing -> ailing.trouble().message();
      case NothingCommitted _ -> "nothing is committed yet";
      case RemembersNothing _ -> "it remembers nothing: a fresh disk or a new member";
      case RemembersAnother another ->
          "it remembers %s as %s, which this cluster never recorded so"
              .formatted(another.remembered().position(), another.remembered().root().brief());
      case RemembersNewer newer ->
          "it remembers %s, newer than anything that the record knows of"
              .formatted(newer.remembered().position());
      case RemembersOlder older ->
          "it remembers %s, older than the committed %s"
              .formatted(older.remembered(), older.committed());
      case RemembersOutlived outlived ->
          "what it remembers, %s, is not known to have been committed, and its tenure is over"
              .formatted(outlived.remembered());
      case HoldsCommitted _ -> "it holds the committed state";
      case HoldsElected _ -> "it holds the elected state";
      case Promoted _ -> "a person promoted it, and what it holds is to be the state";
      case Rotted rotted ->
          Words.rows(rotted.rows(), rotted.rows().size()) + how(rotted.rows().size());
      case Written written -> Words.rows(written.rows(), written.total()) + how(written.total());
    };
  }

  /** How this many rows came to differ: completes "(rows) ...", with a space before it. */
  default String how(int rows) {
    return switch (this) {
      case Rotted _ -> " rotted and nothing had written " + (rows == 1 ? "it" : "them");
      case Written written ->
          switch (written.by()) {
            case PRIMARY -> " changed on the primary through its OS";
            case FORMER -> " changed on the former primary";
            case USER -> " changed while users were there";
            case NOBODY -> " changed and no user was there";
            case ANYBODY -> " changed";
          };
      default -> " differed";
    };
  }
}
