package io.virtquorum.explore;

import io.virtquorum.adjudicate.Hold;
import java.util.List;
import java.util.function.Consumer;

/**
 * Lets a world come to rest: a new leader, everybody on and attached to it, every disk read, and
 * from then on no fault. Everything that is under way arrives, then everybody looks, then time
 * passes.
 */
final class Drain {
  private static final int MOVES = 4_000;
  private static final int ROUNDS = 40;
  private static final long STEP = 30_000;
  private static final Budget NO_FAULTS = new Budget(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  /** How it ended. */
  enum End {
    /** Everybody holds the committed state. */
    IN_SYNC,
    /** A hold says what a person has to do. */
    WAITS_FOR_A_PERSON
  }

  private final Consumer<String> story;
  private World world;

  private Drain(World world, Consumer<String> story) {
    this.world = world;
    this.story = story;
  }

  /** Begins a cluster that nobody has led and lets it come to rest. */
  static World begin(World fresh) {
    Drain drain = new Drain(fresh, Explorer.SILENT);
    drain.calm();
    drain.rest();
    return drain.world;
  }

  /**
   * Lets a world come to rest.
   *
   * @throws AssertionError if a rule breaks, or if it neither comes in sync nor waits for a person
   */
  static End of(World world) {
    StringBuilder text = new StringBuilder("from\n" + world.words() + "\n");
    Drain drain = new Drain(world, line -> text.append(line).append('\n'));
    try {
      drain.calm();
      drain.rest();
      if (drain.world.isInSync()) {
        return End.IN_SYNC;
      }
      if (drain.holds().stream().anyMatch(Hold::needsAPerson)) {
        return End.WAITS_FOR_A_PERSON;
      }
      throw new AssertionError("it comes to no rest, and nobody is told why");
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "\n" + text + drain.world.words(), e);
    }
  }

  private List<Hold> holds() {
    return world.leaders[world.newest()].state.news().holds();
  }

  private void take(Choice.Kind kind, int first, int second) {
    Draft draft = new Draft(world, story);
    Choices.take(draft, new Choice(kind, first, second));
    draft.world.spent = 0;
    world = draft.world;
  }

  private void calm() {
    Draft draft = new Draft(world, story);
    for (int l = 0; l < world.leaders.length; l++) {
      draft.leader(l).stopped = true;
    }
    draft.world.stray = java.util.Optional.empty();
    draft.lead();
    world = draft.world;
    for (int m = 0; m < World.MEMBERS; m++) {
      Member member = world.members[m];
      if (!member.powered) {
        take(Choice.Kind.BOOT, m, 0);
      }
      if (member.leader != Member.NOBODY) {
        take(Choice.Kind.MOVE, m, 0);
      }
      take(Choice.Kind.ATTACH, m, world.newest());
      if (world.members[m].pulling.isEmpty()) {
        take(Choice.Kind.AUDIT, m, 0);
      }
    }
  }

  private void rest() {
    int moves = 0;
    for (int round = 0; round < ROUNDS && !world.isInSync(); round++) {
      boolean moved = true;
      while (moved && moves < MOVES) {
        moved = false;
        for (Choice choice : Choices.of(world, NO_FAULTS)) {
          if (choice.kind() != Choice.Kind.MOVE) {
            take(choice.kind(), choice.first(), choice.second());
            moved = true;
            moves++;
            break;
          }
        }
      }
      if (!world.isInSync()) {
        Draft draft = new Draft(world, story);
        draft.tell("-- time passes");
        draft.pass(STEP);
        world = draft.world;
      }
    }
  }
}
