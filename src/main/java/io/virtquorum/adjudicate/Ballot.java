package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.fingerprint.StaleProcess;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a member reports of its main unit.
 *
 * @param number counts the ballots of one sidecar's life; later is greater
 * @param rows how many rows the root stands for
 * @param memory the newest root that it was verified to hold, or empty: it remembers nothing
 * @param newestTenure of anything that a part of the member remembers, if only one of its trees; 0:
 *     nothing
 * @param changes how the member differs from its memory; possibly cut short
 * @param changesTotal how many there are in truth
 * @param sessions people logged in or connected at this moment
 * @param usersSinceHeld somebody was there since the member last held what it remembers
 * @param audited every content was read again from the disk for this ballot
 * @param trouble why this member can neither be trusted nor repaired now; empty: healthy
 * @param outputs what it has of the features that are no files, by name
 * @param stale who still writes into files that a repair took out of its trees
 * @param asks a number to be told again once the record was read after this, see {@link
 *     RecordedStanding#confirmed}; 0: none
 */
public record Ballot(
    Incarnation incarnation,
    long number,
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

  /** What a sidecar calls it (see {@code collect.Trouble}). */
  private static final Set<String> UNABLE = Set.of("NotMounted", "FileSystemReadOnly", "DiskFails");

  public Ballot {
    newestTenure = Math.max(newestTenure, memory.map(m -> m.position().tenure()).orElse(0L));
    changes = List.copyOf(changes);
    outputs = Map.copyOf(outputs);
    stale = List.copyOf(stale);
  }

  /** What the member would say right after it proved that it holds this and remembers it. */
  Ballot proved(Position position, Digest proven) {
    return new Ballot(
        incarnation,
        number,
        proven,
        rows,
        Optional.of(new Remembered(position, proven)),
        position.tenure(),
        List.of(),
        0,
        sessions,
        false,
        false,
        Optional.empty(),
        outputs,
        stale,
        asks);
  }

  /** The same where these still write into files that a repair took out of the trees. */
  Ballot with(List<StaleProcess> writers) {
    return new Ballot(
        incarnation,
        number,
        root,
        rows,
        memory,
        newestTenure,
        changes,
        changesTotal,
        sessions,
        usersSinceHeld,
        audited,
        trouble,
        outputs,
        writers,
        asks);
  }

  /** True if somebody uses the member, or did since it last held what it remembers. */
  public boolean hasUsers() {
    return sessions > 0 || usersSinceHeld;
  }

  /** True if nothing ails the member. */
  public boolean healthy() {
    return trouble.isEmpty();
  }

  /**
   * True if its users cannot be served: a file system is unmounted, gives errors or takes no
   * writes. A look that is slow or was not possible says nothing of the kind.
   */
  public boolean isUnable() {
    return trouble.filter(t -> UNABLE.contains(t.reason())).isPresent();
  }

  /** True if the member holds exactly what it remembers. */
  public boolean unchanged() {
    return memory.isPresent() && memory.get().root().equals(root);
  }

  /** The rows that rotted. */
  public List<Change> rot() {
    return changes.stream().filter(c -> c.kind() == Change.Kind.ROT).toList();
  }

  /** True if it is certain that this row is as remembered. */
  public boolean keeps(RowKey key) {
    return memory.isPresent()
        && changes.size() == changesTotal
        && changes.stream().noneMatch(c -> c.key().equals(key));
  }
}
