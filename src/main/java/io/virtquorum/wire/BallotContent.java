package io.virtquorum.wire;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.StaleProcess;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A ballot in the core's vocabulary. Immutable.
 *
 * @param number counts this sidecar's ballots
 * @param root of the main unit as it is now
 * @param rows of the main unit, 0 at least
 * @param memory what the member durably remembers; empty: nothing
 * @param newestTenure of anything that a part of the member remembers, if only one of its trees; 0:
 *     nothing
 * @param changes what differs from the memory, at most {@link WireLimits#CHANGES}
 * @param changesTotal how many there are, named or not
 * @param sessions people who are logged in or connected right now
 * @param usersSinceHeld somebody was, since the member last held what it remembers
 * @param audited from a full audit past the page cache
 * @param trouble why this member cannot be trusted or repaired now
 * @param outputs of the features that are no files, by name
 * @param stale who still writes into files that a repair took out of the trees
 * @param asks a number that the member wants to hear again in a standing; 0: none
 */
public record BallotContent(
    long number,
    String bootId,
    Digest root,
    int rows,
    Optional<Remembered> memory,
    long newestTenure,
    List<Change> changes,
    int changesTotal,
    int sessions,
    boolean usersSinceHeld,
    boolean audited,
    Optional<Trouble> trouble,
    Map<String, Output> outputs,
    List<StaleProcess> stale,
    long asks) {
  public BallotContent {
    changes = List.copyOf(changes);
    outputs = Map.copyOf(outputs);
    stale = List.copyOf(stale);
  }

  /** The same as a look at what changed would say it. */
  public BallotContent unaudited() {
    return new BallotContent(
        number,
        bootId,
        root,
        rows,
        memory,
        newestTenure,
        changes,
        changesTotal,
        sessions,
        usersSinceHeld,
        false,
        trouble,
        outputs,
        stale,
        asks);
  }

  /**
   * @param reason a stable CamelCase word
   * @param sentence for the person who must act
   */
  public record Trouble(String reason, String sentence) {}
}
