package io.virtquorum.adjudicate;

import java.time.Instant;
import java.util.Optional;

/** What happened, as the adjudicator hears it. */
public sealed interface Event {
  /** The spec was read, for the first time or anew. */
  record Configured(Config config) implements Event {}

  /** A member's sidecar attached (again); what was ordered of it before is unknown now. */
  record Attached(String member) implements Event {}

  /** A member's sidecar is not connected; its guest may well live. */
  record Detached(String member) implements Event {}

  /** The detector says that the member's guest is dead. */
  record Died(String member) implements Event {}

  /**
   * A member reported its state.
   *
   * @param held when the newest look that found the member as it remembers began; empty: not known
   */
  record Voted(String member, Ballot ballot, Optional<Instant> held) implements Event {
    public Voted(String member, Ballot ballot) {
      this(member, ballot, Optional.empty());
    }
  }

  /**
   * A member reports, and nobody has looked at its files for long: a look lasts, or fails.
   *
   * @param since the newest look that ended well began then
   */
  record Blind(String member, Instant since) implements Event {}

  /** A look at its files ended well again. */
  record Sees(String member) implements Event {}

  /** A sample serves, as this member says. */
  record Offered(String member, String id, Offer offer) implements Event {}

  /** An order ended, as this member says. */
  record Finished(String member, String id, Outcome outcome) implements Event {}

  /** The compare-and-swap of the record succeeded. */
  record Recorded(ClusterRecord record) implements Event {}

  /** The compare-and-swap failed: somebody else wrote, and this is the record now. */
  record Superseded(ClusterRecord record) implements Event {}

  /** Time passed. */
  record Tick() implements Event {}
}
