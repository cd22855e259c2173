package io.virtquorum.simulate;

import io.virtquorum.guest.Guest.Result;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * What quiesce.sh does in a simulated guest, and the users' command that it runs, which may fail or
 * hang. For one thread; it is run by a process of the guest.
 */
final class QuiescePrograms {
  private static final String PROGRAM = "/usr/local/bin/still";
  private static final long TAKES = 40 * Timeline.MILLISECOND;

  /** The script has the command killed after this time. */
  private static final long KILLED_AFTER = 30 * Timeline.SECOND;

  private static final int KILLED = 124;

  private final SimulatedGuest guest;
  private final Map<String, Integer> guards = new HashMap<>();
  private final Set<String> still = new HashSet<>();
  private int tokens;

  QuiescePrograms(SimulatedGuest guest) {
    this.guest = guest;
  }

  /** The command of a feature; empty: there is none. */
  static List<String> command(Shape.Quiesce how) {
    return how == Shape.Quiesce.NONE
        ? List.of()
        : List.of(PROGRAM, how.name().toLowerCase(Locale.ROOT));
  }

  /** True while the guest's writers keep still. */
  boolean isStill() {
    return !still.isEmpty();
  }

  /** Nothing of it outlives the kernel. */
  void reboot() {
    guards.clear();
    still.clear();
  }

  /** NAME begin|end SECONDS PROGRAM HOW: takes time. */
  Result run(List<String> arguments) {
    String name = arguments.get(0);
    boolean begin = arguments.get(1).equals("begin");
    String how = arguments.get(4);
    if (begin) {
      guards.put(name, ++tokens);
    } else if (guards.remove(name) == null) {
      return SimulatedGuest.ok("");
    }
    int token = tokens;
    int code = keep(name, begin, how);
    if (code != 0) {
      if (begin && guards.remove(name) != null) {
        keep(name, false, how);
      }
      return SimulatedGuest.trouble(
          "GuestCommandFailed", "The quiesce command of " + name + " ended with exit code " + code);
    }
    if (begin) {
      guest.process(() -> guard(name, token, Long.parseLong(arguments.get(2)), how));
    }
    return SimulatedGuest.ok("");
  }

  /** Lets the writers go on if nobody else did. */
  private void guard(String name, int token, long seconds, String how) {
    guest.work(seconds * Timeline.SECOND);
    if (guards.remove(name, token)) {
      keep(name, false, how);
    }
  }

  /**
   * The users' command, with its exit code. One that does not work may have kept the writers still
   * all the same; told to let them go on, it does so and complains.
   */
  private int keep(String name, boolean begin, String how) {
    guest.work(TAKES);
    boolean works = how.equals("works") || guest.random.nextBoolean();
    if (begin && (works || guest.random.nextBoolean())) {
      still.add(name);
    } else if (!begin) {
      still.remove(name);
    }
    guest.truth.kept(guest, isStill());
    if (!works && how.equals("hangs")) {
      guest.work(KILLED_AFTER);
      return KILLED;
    }
    return works ? 0 : 1;
  }
}
