package io.virtquorum.simulate;

import io.virtquorum.fingerprint.Remembered;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * Judges whether members and leaders stand by what they said: others decided by it. Each invariant
 * is a method of its own. For one thread.
 */
final class Promises {
  private final Disks disks;
  private final BiConsumer<String, String> violated;
  private final Map<String, Long> voted = new HashMap<>();
  private final Set<String> mindful = new HashSet<>();

  /**
   * @param violated hears which invariant was broken, and how
   */
  Promises(Disks disks, BiConsumer<String, String> violated) {
    this.disks = disks;
    this.violated = violated;
  }

  /** A member's ballot is on its way. */
  void voted(SimulatedGuest guest) {
    voted.put(guest.name, guest.timeline.now());
  }

  /**
   * Invariant 13: a repair changes nothing that a member has voted about since the repair was asked
   * for; else it would lead users, or be copied, as what it no longer is.
   *
   * @param asked when the sidecar asked for what changes a row now
   */
  void changes(SimulatedGuest guest, String name, long asked) {
    if (voted.getOrDefault(guest.name, 0L) > asked) {
      violated.accept(
          "VotedDuringRepair",
          "%s of %s is replaced by a repair that was asked for before its newest ballot"
              .formatted(name, guest.name));
    }
  }

  /**
   * Invariant 14: the disks of a member that agreed on a memory once always agree on one: what puts
   * a newer one in its place is durable as a whole, or not yet in force.
   */
  void remembers(SimulatedGuest guest) {
    if (!disks.trees().stream().allMatch(guest::isMounted)) {
      return;
    }
    boolean agree = !agreed(guest).isEmpty();
    if (agree) {
      mindful.add(guest.name);
    } else if (mindful.contains(guest.name)) {
      violated.accept("Forgets", guest.name + " would remember nothing after a power cut now");
    }
  }

  /** What is not synced may be gone after a power cut. */
  private Set<Remembered> agreed(SimulatedGuest guest) {
    Set<Remembered> agreed = null;
    for (String path : disks.trees()) {
      Set<Remembered> here = Disks.memories(guest, path, true);
      if (agreed == null) {
        agreed = here;
      } else {
        agreed.retainAll(here);
      }
    }
    return agreed == null ? Set.of() : agreed;
  }

  /**
   * Another disk takes the place of one of a member's: it may have no memory, or an old one. Or one
   * is unmounted, perhaps while a memory is being written: it keeps its old one (seed 1015529).
   */
  void diskGone(SimulatedGuest guest) {
    mindful.remove(guest.name);
  }

  /**
   * Invariant 15: what a leader gave up writing does not change the record once it decides anew.
   *
   * @param deciding the leader believes that it knows the record
   */
  void recordedLate(boolean deciding) {
    if (deciding) {
      violated.accept(
          "RecordedLate", "a write that its leader had given up changed the record under it");
    }
  }
}
