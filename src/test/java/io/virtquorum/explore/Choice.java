package io.virtquorum.explore;

/** One thing that may happen next. */
record Choice(Kind kind, int first, int second) {
  enum Kind {
    DELIVER("%s's news reaches its leader"),
    NOTICE("%2$s's stream to leader %1$s is known to have ended"),
    DIED("leader %1$s learns that %2$s is dead"),
    OBEY("%s does what was sent next"),
    APPLY("%s applies what it pulled"),
    LOOK("%s looks and votes"),
    ATTACH("%s attaches to leader %d"),
    MOVE("%s's stream to an older leader ends"),
    BOOT("%s starts"),
    TAKE("the API server takes leader %1$s's change"),
    ANEW("leader %1$s decides anew"),
    ARRIVE("a change that was given up arrives"),
    AUDIT("%s audits"),
    USER_WRITES("a user writes on %s, value %d"),
    JOB_WRITES("a job writes on %s, value %d"),
    ROT("rot on %s, row %d"),
    CRASH("power cut on %s (in the middle of a repair: %d)"),
    RESET("the stream of %s ends (kept: %d)"),
    LEAD("another leader begins"),
    GIVE_UP("leader %1$s does not learn how its change ended (arrived: %2$d)"),
    WRONG("leader %1$s takes the living %2$s for dead"),
    WIPE("%s gets a fresh disk"),
    SETTLE("the settle time passes"),
    DEADLINE("an order's deadline passes");

    private final String words;

    Kind(String words) {
      this.words = words;
    }
  }

  static Choice of(Kind kind, int first) {
    return new Choice(kind, first, 0);
  }

  String words() {
    return switch (kind) {
      case NOTICE, DIED, WRONG -> kind.words.formatted(first + 1, World.NAMES.get(second));
      case TAKE, ANEW, GIVE_UP -> kind.words.formatted(first + 1, second);
      case ARRIVE, LEAD, SETTLE, DEADLINE -> kind.words;
      case ATTACH -> kind.words.formatted(World.NAMES.get(first), second + 1);
      default -> kind.words.formatted(World.NAMES.get(first), second);
    };
  }
}
