package io.virtquorum.simulate;

import io.virtquorum.adjudicate.Committed;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What the disks of each guest hold, and all that they ever held and remembered. One thread. */
final class Holdings {
  private final Disks disks;
  private final Map<String, Set<Remembered>> everRemembered = new HashMap<>();
  private final Map<String, Set<Digest>> everHeld = new HashMap<>();
  private final Map<String, Set<Row>> everHeldRows = new HashMap<>();
  private final Map<String, Matrix> latest = new HashMap<>();
  private final Map<String, Matrix> rotten = new HashMap<>();
  private final Map<Digest, Matrix> matrices = new HashMap<>();
  private final Map<Digest, Map<RowKey, Content>> contents = new HashMap<>();

  /** With rot that cannot be told from a write, and so is committed with others' (seed 5843). */
  private final Map<Digest, Map<RowKey, Content>> platters = new HashMap<>();

  Holdings(Disks disks) {
    this.disks = disks;
  }

  void add(SimulatedGuest guest) {
    everRemembered.put(guest.name, new HashSet<>());
    everHeld.put(guest.name, new HashSet<>());
    everHeldRows.put(guest.name, new HashSet<>());
  }

  /** A guest's rows as its OS wrote them last; null before the first look. */
  Matrix latest(SimulatedGuest guest) {
    return latest.get(guest.name);
  }

  /** A guest's rows on its platters, if some of them are rotten. */
  Optional<Matrix> rotten(SimulatedGuest guest) {
    return Optional.ofNullable(rotten.get(guest.name));
  }

  /** The rows of a root that somebody held or remembered; null if nobody did. */
  Matrix matrix(Digest root) {
    return matrices.get(root);
  }

  /** The files of a root that somebody held. */
  Map<RowKey, Content> contents(Digest root) {
    Map<RowKey, Content> held = contents.get(root);
    return held == null ? platters.getOrDefault(root, Map.of()) : held;
  }

  /** The files of each root that somebody held. */
  Collection<Map<RowKey, Content>> contents() {
    return contents.values();
  }

  /** A guest holds something else than before. */
  void changed(SimulatedGuest guest) {
    rotten.remove(guest.name);
    for (Disks.View view :
        isRotten(guest) ? Disks.View.values() : new Disks.View[] {Disks.View.WRITTEN}) {
      Matrix matrix = disks.matrix(guest, view);
      if (view == Disks.View.WRITTEN) {
        latest.put(guest.name, matrix);
      } else if (view == Disks.View.PLATTER) {
        rotten.put(guest.name, matrix);
      }
      if (everHeld.get(guest.name).add(matrix.root())) {
        everHeldRows.get(guest.name).addAll(matrix.rows());
        matrices.putIfAbsent(matrix.root(), matrix);
      }
      if (view == Disks.View.WRITTEN) {
        contents.computeIfAbsent(matrix.root(), r -> hold(guest));
      } else if (view == Disks.View.PLATTER) {
        platters.computeIfAbsent(matrix.root(), r -> disks.contentsOf(guest));
      }
    }
  }

  private static boolean isRotten(SimulatedGuest guest) {
    for (Volume volume : guest.mounts.values()) {
      if (volume.hides()) {
        return true;
      }
      for (Node node : volume.all().values()) {
        if (node.content != node.written) {
          return true;
        }
      }
    }
    return false;
  }

  private Map<RowKey, Content> hold(SimulatedGuest guest) {
    Map<RowKey, Content> rows = disks.contentsOf(guest);
    rows.values().forEach(content -> content.held = true);
    return rows;
  }

  /** A guest's disk has a memory; true if it never had it before. */
  boolean remembers(SimulatedGuest guest, Remembered memory) {
    Matrix rows = disks.rowsOf(guest, memory);
    matrices.putIfAbsent(rows.root(), rows);
    return everRemembered.get(guest.name).add(memory);
  }

  /** True if a guest remembered this state at any time, and held it. */
  boolean everHadAndKnew(String name, Committed committed) {
    return everRemembered.get(name).contains(committed.remembered())
        && everHeld(name, committed.root());
  }

  /**
   * True if a guest held this state: all at once, or, where rows that nobody wrote rotted since
   * they were read, one row after the other.
   */
  private boolean everHeld(String name, Digest root) {
    return everHeld.get(name).contains(root)
        || (matrices.containsKey(root)
            && everHeldRows.get(name).containsAll(matrices.get(root).rows()));
  }
}
