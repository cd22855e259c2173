package io.virtquorum.explore;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What lasts of a member: its rows, its durable memory, its archive. Immutable.
 *
 * @param held what the disk holds
 * @param seen what was read of it last: rot is seen by an audit only
 * @param touched one bit a row: its ctime is not the remembered one
 * @param archived the set of replaced contents
 */
record Disk(int held, int seen, int touched, Optional<Memory> memory, int archived) {

  record Memory(Position position, int rows) {
    Remembered remembered() {
      return new Remembered(position, Contents.root(rows));
    }
  }

  static Disk of(int rows) {
    return new Disk(rows, rows, 3, Optional.empty(), 0);
  }

  Disk written(int row, int value) {
    return new Disk(
        Contents.with(held, row, value),
        Contents.with(seen, row, value),
        touched | 1 << row,
        memory,
        archived);
  }

  Disk rotted(int row, int value) {
    return new Disk(Contents.with(held, row, value), seen, touched, memory, archived);
  }

  Disk audited() {
    return new Disk(held, held, touched, memory, archived);
  }

  Disk remembering(Position position) {
    return new Disk(held, seen, 0, Optional.of(new Memory(position, seen)), archived);
  }

  /** A row is replaced; what was there goes to the archive first. */
  Disk replaced(int row, int value) {
    int kept = archived | Contents.bit(row, Contents.value(held, row));
    Disk next = written(row, value);
    return new Disk(next.held, next.seen, next.touched, memory, kept);
  }

  /** A restored row is as remembered again, though its ctime is new. */
  Disk restored(int row, int value) {
    Disk next = replaced(row, value);
    return new Disk(next.held, next.seen, touched & ~(1 << row), memory, next.archived);
  }

  Matrix matrix() {
    return Contents.matrix(seen);
  }

  /**
   * The row's ctime is remembered. Rot of any other row cannot be told from the write before it
   * (design, rule 2), so there is none in these worlds.
   */
  boolean isKnown(int row) {
    return memory.isPresent() && (touched & 1 << row) == 0;
  }

  boolean isRot(int row) {
    return isKnown(row) && Contents.value(memory.get().rows(), row) != Contents.value(seen, row);
  }

  List<Change> changes() {
    List<Change> changes = new ArrayList<>();
    for (int row = 0; row < Contents.ROWS && memory.isPresent(); row++) {
      int before = Contents.value(memory.get().rows(), row);
      int now = Contents.value(seen, row);
      if (before != now) {
        changes.add(
            new Change(
                Contents.key(row),
                isRot(row) ? Change.Kind.ROT : Change.Kind.WRITTEN,
                Optional.of(Contents.digest(before)),
                Optional.of(Contents.digest(now))));
      }
    }
    return changes;
  }

  String words() {
    return Contents.words(held)
        + (held == seen ? "" : " (seen " + Contents.words(seen) + ")")
        + memory
            .map(m -> ", remembers " + m.position() + " " + Contents.words(m.rows()))
            .orElse(", remembers nothing");
  }
}
