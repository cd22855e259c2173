package io.virtquorum.explore;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.adjudicate.StateHash;
import io.virtquorum.fingerprint.Remembered;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * All that there is at one moment: members, operators, the API server's record, and what is under
 * way. Not changed any more once its {@link Draft} is done.
 */
final class World {
  static final int MEMBERS = 3;
  static final List<String> NAMES = List.of("web-0", "web-1", "web-2");
  private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");

  /** That a member was verified to hold something. */
  record Verified(int member, Remembered remembered) {}

  Config config;
  ClusterRecord record = ClusterRecord.none();
  Member[] members = new Member[MEMBERS];
  Leader[] leaders = new Leader[0];

  /** A change of the record whose leader gave up waiting and that may still arrive. */
  Optional<Leader.Request> stray = Optional.empty();

  long millis;

  /** Faults so far, four bits a {@link Budget.Kind}. */
  long spent;

  /** What users wrote, or anybody on the primary, that nobody of them took away again. */
  int accepted;

  /** Contents that were committed once. */
  int committed;

  /** Beyond C only. */
  List<Verified> verified = List.of();

  World copy() {
    World copy = new World();
    copy.config = config;
    copy.record = record;
    copy.members = members.clone();
    copy.leaders = leaders.clone();
    copy.stray = stray;
    copy.millis = millis;
    copy.spent = spent;
    copy.accepted = accepted;
    copy.committed = committed;
    copy.verified = verified;
    return copy;
  }

  Instant now() {
    return BEGIN.plusMillis(millis);
  }

  static int index(String name) {
    return name.charAt(name.length() - 1) - '0';
  }

  /** The index of the leader of the highest term that still runs. */
  int newest() {
    int newest = leaders.length - 1;
    while (newest >= 0 && leaders[newest].stopped) {
      newest--;
    }
    return newest;
  }

  /** Contents that are on a disk, in an archive, or were committed. */
  int kept() {
    int kept = committed;
    for (Member member : members) {
      kept |= Contents.bits(member.disk.held()) | member.disk.archived();
    }
    return kept;
  }

  /** Some disk holds the committed state, or a newer accepted one. */
  boolean someoneHolds() {
    if (record.committed().isEmpty()) {
      return false;
    }
    var committed = record.committed().get();
    for (int m = 0; m < MEMBERS; m++) {
      Disk disk = members[m].disk;
      var root = disk.matrix().root();
      boolean newer =
          disk.memory().filter(d -> d.position().isAfter(committed.position())).isPresent();
      if (root.equals(committed.root())
          || (newer
              && (disk.memory().get().rows() == disk.seen() || record.isPrimary(NAMES.get(m))))) {
        return true;
      }
    }
    return false;
  }

  boolean isInSync() {
    if (newest() < 0 || record.committed().isEmpty()) {
      return false;
    }
    var committed = record.committed().get().remembered();
    Leader leader = leaders[newest()];
    if (!leader.state.record().equals(record)
        || leader.request.isPresent()
        || !StateHash.isIdle(leader.state)) {
      return false;
    }
    for (Member member : members) {
      if (!member.disk.memory().map(Disk.Memory::remembered).equals(Optional.of(committed))
          || member.disk.held() != member.disk.memory().get().rows()) {
        return false;
      }
    }
    return true;
  }

  String words() {
    StringBuilder text = new StringBuilder("record " + record);
    for (int m = 0; m < MEMBERS; m++) {
      Member member = members[m];
      text.append(
          "\n%s powered=%s attached=%s users=%s %s%s%s%s"
              .formatted(
                  NAMES.get(m),
                  member.powered,
                  member.leader < 0 ? "no" : "term " + leaders[member.leader].term(),
                  member.users,
                  member.disk.words(),
                  member.pulling.map(p -> " pulling " + p.order().id()).orElse(""),
                  member.up.isEmpty() ? "" : " up " + member.up,
                  member.down.isEmpty() ? "" : " down " + member.down));
    }
    for (Leader leader : leaders) {
      text.append(
          "\nterm %d%s record %s holds %s%s %s"
              .formatted(
                  leader.term(),
                  leader.stopped ? " stopped" : "",
                  leader.state.record(),
                  leader.state.news().holds(),
                  leader.request.map(r -> " request " + r).orElse(""),
                  StateHash.words(leader.state)));
    }
    return text.toString();
  }
}
