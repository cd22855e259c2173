package io.virtquorum.explore;

/**
 * How often each fault may happen in one run, and how many faults in all. What costs no budget may
 * happen whenever it can: deliveries, looks, orders, answers of the API server, boots, new streams
 * of members without one, moves to a newer leader.
 *
 * @param faults of all kinds together, time not included
 * @param writes of users and jobs, on any member
 * @param rots silent changes of a row on any member
 * @param crashes power cuts, also in the middle of a repair
 * @param resets of a stream, with or without what was under way
 * @param leaders that begin beside the first
 * @param unknowns writes of the record whose end the leader does not learn
 * @param wrongDeaths of members that live
 * @param wipes fresh disks
 * @param settles how often the settle time passes
 * @param deadlines how often an order's deadline passes
 */
record Budget(
    int faults,
    int writes,
    int rots,
    int crashes,
    int resets,
    int leaders,
    int unknowns,
    int wrongDeaths,
    int wipes,
    int settles,
    int deadlines) {

  /** Kinds of faults, in the order in which a world counts them. */
  enum Kind {
    WRITE,
    ROT,
    CRASH,
    RESET,
    LEADER,
    UNKNOWN,
    WRONG_DEATH,
    WIPE,
    SETTLE,
    DEADLINE
  }

  private int of(Kind kind) {
    return switch (kind) {
      case WRITE -> writes;
      case ROT -> rots;
      case CRASH -> crashes;
      case RESET -> resets;
      case LEADER -> leaders;
      case UNKNOWN -> unknowns;
      case WRONG_DEATH -> wrongDeaths;
      case WIPE -> wipes;
      case SETTLE -> settles;
      case DEADLINE -> deadlines;
    };
  }

  /** True if a world that spent this much may have another one. */
  boolean allows(Kind kind, long spent) {
    if (count(spent, kind) >= of(kind)) {
      return false;
    }
    if (kind == Kind.SETTLE || kind == Kind.DEADLINE) {
      return true;
    }
    int all = 0;
    for (Kind one : Kind.values()) {
      all += one == Kind.SETTLE || one == Kind.DEADLINE ? 0 : count(spent, one);
    }
    return all < faults;
  }

  static int count(long spent, Kind kind) {
    return (int) (spent >> (4 * kind.ordinal())) & 15;
  }

  static long spend(long spent, Kind kind) {
    return spent + (1L << (4 * kind.ordinal()));
  }
}
