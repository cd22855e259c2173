package io.virtquorum.simulate;

import io.virtquorum.guest.wire.v1.Quiesce;
import io.virtquorum.guest.wire.v1.Quiet;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.port.RefusedException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * How a simulated guest program keeps writers still, and the users' command that it runs, which may
 * fail or hang. For one thread; it is run by a process of the guest.
 */
final class Quieting {
  private static final String PROGRAM = "/usr/local/bin/still";
  private static final long TAKES = 40 * Timeline.MILLISECOND;

  /** The command is killed after this time. */
  private static final long KILLED_AFTER = 30 * Timeline.SECOND;

  private static final int KILLED = 124;

  private final SimulatedGuest guest;
  private final Map<String, Integer> guards = new HashMap<>();
  private final Set<String> still = new HashSet<>();
  private final Set<String> locked = new HashSet<>();
  private int tokens;

  Quieting(SimulatedGuest guest) {
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
    locked.clear();
  }

  /** Keeps writers still, or lets them go on: takes time. */
  void run(Quiesce request) throws RefusedException {
    for (Quiet quiet : request.getQuietList()) {
      String name = quiet.getTree();
      String how = quiet.getArgv(1);
      lock(name);
      int code =
          request.getStillMillis() > 0
              ? begin(name, request.getStillMillis() * Timeline.MILLISECOND, how)
              : end(name, how);
      locked.remove(name);
      if (code != 0) {
        throw new RefusedException(
            Reason.REASON_FAILED,
            "GuestCommandFailed",
            "The quiesce command of " + name + " ended with exit code " + code);
      }
    }
  }

  private int begin(String name, long nanos, String how) {
    int token = ++tokens;
    guards.put(name, token);
    int code = keep(name, true, how);
    if (code != 0 && keep(name, false, how) == 0) {
      guards.remove(name);
    }
    if (guards.containsKey(name)) {
      guest.process(() -> guard(name, token, code == 0 ? nanos : Timeline.SECOND, how));
    }
    return code;
  }

  private int end(String name, String how) {
    if (!guards.containsKey(name)) {
      return 0;
    }
    int code = keep(name, false, how);
    if (code == 0) {
      guards.remove(name);
    }
    return code;
  }

  /** Lets the writers go on if nobody else did, and tries until that works. */
  private void guard(String name, int token, long nanos, String how) {
    guest.work(nanos);
    for (long pause = 1; ; pause = pause < 32 ? 2 * pause : 60) {
      lock(name);
      boolean mine = Integer.valueOf(token).equals(guards.get(name));
      boolean over = !mine || keep(name, false, how) == 0;
      if (mine && over) {
        guards.remove(name);
      }
      locked.remove(name);
      if (over) {
        return;
      }
      guest.work(pause * Timeline.SECOND);
    }
  }

  /** One run of the command at a time. */
  private void lock(String name) {
    while (!locked.add(name)) {
      guest.work(TAKES);
    }
  }

  /**
   * The users' command, with its exit code. One that does not work may have done what it was told
   * all the same.
   */
  private int keep(String name, boolean begin, String how) {
    guest.work(TAKES);
    boolean works = how.equals("works") || guest.random.nextBoolean();
    if (works || guest.random.nextBoolean()) {
      if (begin) {
        still.add(name);
      } else {
        still.remove(name);
      }
    }
    guest.truth.kept(guest, isStill());
    if (!works && how.equals("hangs")) {
      guest.work(KILLED_AFTER);
      return KILLED;
    }
    return works ? 0 : 1;
  }
}
