package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Who of the users outside of where users are led was seen by a sidecar before the guest died: only
 * of them can anybody know later. For one thread.
 */
final class Witnesses {
  /** A connection that was closed shows so long in its kernel, and somebody stays a while. */
  private static final long SHOWS = 70 * Timeline.SECOND;

  private final Map<String, List<Written>> unseen = new HashMap<>();

  private record Written(Content content, long at) {}

  /** A user wrote on a member that users are not led to. */
  void wrote(SimulatedGuest guest, Content content) {
    content.unseenOn = guest.name;
    unseen
        .computeIfAbsent(guest.name, n -> new ArrayList<>())
        .add(new Written(content, guest.timeline.now()));
  }

  /**
   * A sidecar heard who uses its guest. Who came and went long before, while no sidecar looked,
   * does not show any more.
   *
   * @param at when the guest looked
   */
  void saw(SimulatedGuest guest, long at) {
    List<Written> here = unseen.get(guest.name);
    if (here != null) {
      here.stream()
          .filter(written -> written.at() + SHOWS < at)
          .forEach(written -> written.content().unseen = true);
      here.stream()
          .filter(written -> written.at() <= at)
          .forEach(written -> written.content().unseenOn = null);
      here.removeIf(written -> written.at() <= at);
    }
  }

  /**
   * A disk comes back as it was before anybody saw who had written there: as if the guest had died
   * then.
   */
  void cameBack(SimulatedGuest guest, Volume disk) {
    disk.unseen()
        .forEach(
            (content, member) -> {
              if (member.equals(guest.name)) {
                content.unseen = true;
              }
            });
  }

  /** The guest died, and what its kernel knew of users with it. */
  void died(SimulatedGuest guest) {
    List<Written> here = unseen.remove(guest.name);
    if (here != null) {
      here.forEach(written -> written.content().unseen = true);
    }
  }
}
