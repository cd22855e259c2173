package io.virtquorum.explore;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Goes through all that may happen from a world on, breadth first, each world once, so that the
 * first broken rule has a shortest story.
 */
final class Explorer {
  static final Consumer<String> SILENT = line -> {};

  private static final int SAMPLES = 8;

  /**
   * What was seen.
   *
   * @param depth the last layer that was gone through whole
   * @param exhausted there was nothing more within the budget
   * @param samples a few worlds of each layer
   */
  record Result(int states, long transitions, int depth, boolean exhausted, List<World> samples) {}

  private final World root;
  private final Budget budget;
  private final SeenSet seen = new SeenSet();
  private int[] parents = new int[1 << 16];
  private byte[] choices = new byte[1 << 16];
  private int states;
  private long transitions;

  Explorer(World root, Budget budget) {
    this.root = root;
    this.budget = budget;
  }

  /**
   * Goes on until a depth, or until there are too many worlds.
   *
   * @param most worlds at most; the layer in which they are passed is not counted
   * @throws AssertionError with the story, if a rule breaks
   */
  Result run(int depth, int most) {
    List<World> layer = List.of(root);
    List<World> samples = new ArrayList<>();
    int first = add(root, -1, 0) ? 0 : -1;
    int done = 0;
    boolean full = false;
    while (done < depth && !layer.isEmpty() && !full) {
      List<World> next = new ArrayList<>();
      int firstOfNext = states;
      for (int i = 0; i < layer.size() && !full; i++) {
        expand(layer.get(i), first + i, next);
        full = states >= most;
      }
      if (!full) {
        done++;
        for (int i = 0; i < Math.min(SAMPLES, next.size()); i++) {
          samples.add(next.get((int) ((long) i * next.size() / SAMPLES) % next.size()));
        }
        first = firstOfNext;
        layer = next;
      }
    }
    return new Result(states, transitions, done, layer.isEmpty(), samples);
  }

  private void expand(World world, int number, List<World> next) {
    List<Choice> found = Choices.of(world, budget);
    for (int c = 0; c < found.size(); c++) {
      transitions++;
      Draft draft = new Draft(world, SILENT);
      try {
        Choices.take(draft, found.get(c));
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(e.getMessage() + "\n" + story(number, c), e);
      }
      if (add(draft.world, number, c)) {
        next.add(draft.world);
      }
    }
  }

  private boolean add(World world, int parent, int choice) {
    if (!seen.add(WorldHash.of(world))) {
      return false;
    }
    if (states == parents.length) {
      parents = java.util.Arrays.copyOf(parents, 2 * states);
      choices = java.util.Arrays.copyOf(choices, 2 * states);
    }
    parents[states] = parent;
    choices[states] = (byte) choice;
    states++;
    return true;
  }

  private String story(int number, int last) {
    List<Integer> path = new ArrayList<>();
    path.add(last);
    for (int at = number; parents[at] >= 0; at = parents[at]) {
      path.addFirst((int) choices[at]);
    }
    StringBuilder text = new StringBuilder("after " + path.size() + " steps:\n");
    World world = root;
    for (int choice : path) {
      Draft draft = new Draft(world, line -> text.append(line).append('\n'));
      try {
        Choices.take(draft, Choices.of(world, budget).get(choice));
      } catch (AssertionError | RuntimeException e) {
        text.append("=> ").append(e.getMessage()).append('\n');
      }
      world = draft.world;
    }
    return text + world.words();
  }
}
