package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What the adjudicator wants done. Every order to a member is idempotent and carries the leader's
 * term on the wire.
 */
public sealed interface Command {

  /**
   * Something a member's sidecar does; it ends in one {@link Event.Finished} or {@link
   * Event.Offered} with this id, but for {@link Recall}.
   */
  sealed interface Order extends Command {
    String id();

    String member();
  }

  /**
   * Give up the order with this id, unless rows are being replaced by now: that order ends, one way
   * or the other, and this one has no end of its own.
   */
  record Recall(String id, String member) implements Order {}

  /** Prove that you hold this root, and remember it at this position. */
  record Prove(String id, String member, Position position, Digest root, Accepts accepts)
      implements Order {}

  /** What may be proven instead, so that writes which follow each other do not void each other. */
  enum Accepts {
    /** Nothing. */
    THIS,
    /** What is there now, where more was written meanwhile and nothing rotted: of a primary. */
    LATER,
    /** The same, and what was accepted last was voided by writes: do more against that. */
    LATER_AGAIN
  }

  /** Serve what you hold, which is this root, to that puller. */
  record Serve(String id, String member, Digest root, String puller) implements Order {}

  /** Serve the output of a command, which has this digest, to that puller. */
  record ServeOutput(String id, String member, String feature, Digest digest, String puller)
      implements Order {}

  /**
   * Keep your writers still by the features' commands, or let them go on.
   *
   * @param still how long at most, if nobody says that they may go on; zero: they may go on now
   */
  record Quiesce(String id, String member, Duration still) implements Order {}

  /**
   * Become equal to the offer.
   *
   * @param archive where what is replaced goes, and why
   */
  record Pull(String id, String member, Offer offer, Position position, Archived archive)
      implements Order {}

  /** Bring back these rows, and only these, from the offer. */
  record Restore(String id, String member, Offer offer, List<Row> rows, Archived archive)
      implements Order {}

  /**
   * Hold what you remember again, as far as these rows go: bring some back from the offer, and
   * remove others, whoever wrote there.
   *
   * @param offer empty: nothing has to come
   */
  record Rebuild(
      String id,
      String member,
      Optional<Offer> offer,
      List<Row> rows,
      List<RowKey> gone,
      Archived archive)
      implements Order {
    public Rebuild {
      rows = List.copyOf(rows);
      gone = List.copyOf(gone);
    }
  }

  /** Have a command make its output the offered one, which has this digest. */
  record Apply(
      String id, String member, Offer offer, String feature, Digest digest, Archived archive)
      implements Order {}

  /**
   * What an archive says of one repair.
   *
   * @param entry its name: letters, digits, dots and dashes
   * @param verdict why, as a sentence
   * @param attributed somebody wrote what is replaced, whatever the member itself knows of it
   */
  record Archived(String entry, String verdict, boolean attributed) {}

  /**
   * Change the record by compare-and-swap; ends in {@link Event.Recorded} or {@link
   * Event.Superseded}.
   */
  record Write(ClusterRecord record) implements Command {}

  /**
   * Lead users to a member, or nowhere.
   *
   * @param route where to; only that incarnation of the member
   */
  record RouteUsers(Route route) implements Command {}

  /** Tell a member what the record says of it, as it is known to be written. */
  record Stand(String member, RecordedStanding standing) implements Command {}

  /**
   * Tell people.
   *
   * @param warning something that a person should look at
   * @param reason a stable CamelCase word
   */
  record Tell(boolean warning, String reason, String message) implements Command {}
}
