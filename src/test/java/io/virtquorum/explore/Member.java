package io.virtquorum.explore;

import io.virtquorum.adjudicate.Ballot;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Incarnation;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One member: its guest, its sidecar, and what is under way between it and the leader it is
 * attached to. Changed only while its {@link Draft} is open.
 */
final class Member {
  static final int NOBODY = -1;
  private static final Incarnation INCARNATION = new Incarnation("uid", "boot");

  /**
   * What a leader sent.
   *
   * @param order empty: the configuration, which only says its term
   * @param expires in milliseconds of the world's clock
   */
  record Sent(long term, Optional<Command.Order> order, long expires) {}

  /**
   * A pull that was staged and checked, and is not applied yet.
   *
   * @param before what the member held then
   */
  record Pulling(Command.Pull order, int before, int wanted) {}

  Disk disk;
  boolean powered = true;

  /** Somebody was there since it last held what it remembers. */
  boolean users;

  /** Index of the leader that it is attached to, or {@link #NOBODY}. */
  int leader = NOBODY;

  long termSeen;

  /** Counts what it served, so that an older offer is void. */
  int served;

  Optional<Ballot> reported = Optional.empty();
  Optional<Pulling> pulling = Optional.empty();
  List<Event> up = List.of();
  List<Sent> down = List.of();

  /** By leader: one bit for each whose stream of this member ended without its knowledge. */
  int ended;

  Member(Disk disk) {
    this.disk = disk;
  }

  Member copy() {
    Member copy = new Member(disk);
    copy.powered = powered;
    copy.users = users;
    copy.leader = leader;
    copy.termSeen = termSeen;
    copy.served = served;
    copy.reported = reported;
    copy.pulling = pulling;
    copy.up = up;
    copy.down = down;
    copy.ended = ended;
    return copy;
  }

  Ballot ballot() {
    var changes = disk.changes();
    return new Ballot(
        INCARNATION,
        0,
        disk.matrix().root(),
        Contents.ROWS,
        disk.memory().map(Disk.Memory::remembered),
        0,
        changes,
        changes.size(),
        0,
        users,
        false,
        Optional.empty(),
        Map.of(),
        List.of(),
        0);
  }

  /** It has something to say that it did not say on this stream. */
  boolean hasNews() {
    return leader != NOBODY && pulling.isEmpty() && !reported.equals(Optional.of(ballot()));
  }
}
