package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * What kind of cluster a run is about.
 *
 * @param kind as people read it
 * @param weights base weight of each member, in order
 * @param twoTrees there are two file trees, each on a disk of its own
 * @param observe what happens happens in mode Observe
 * @param quiesce how the users' command behaves that keeps writers still
 */
record Shape(Kind kind, List<Integer> weights, boolean twoTrees, boolean observe, Quiesce quiesce) {

  /** What is special; the plain one is the most frequent. */
  enum Kind {
    PLAIN(10),
    /** Base weights that differ, zero among them. */
    WEIGHTED(4),
    /** The spec's members and weights change while it runs. */
    CHANGING(3),
    /** Mode Observe while things happen. */
    OBSERVED(3),
    /** Files that change faster than they can be copied, and a command that keeps writers still. */
    QUIESCED(3);

    final int share;

    Kind(int share) {
      this.share = share;
    }
  }

  /** A command that keeps writers still, and what is wrong with it at times. */
  enum Quiesce {
    NONE,
    WORKS,
    FAILS,
    HANGS
  }

  Shape {
    weights = List.copyOf(weights);
  }

  /** As people read it. */
  String text() {
    String name = kind.name().toLowerCase(Locale.ROOT);
    return quiesce == Quiesce.NONE
        ? name
        : name + " (" + quiesce.name().toLowerCase(Locale.ROOT) + ")";
  }

  /** The usual cluster. */
  static Shape plain(int members, boolean twoTrees) {
    return new Shape(Kind.PLAIN, Collections.nCopies(members, 1), twoTrees, false, Quiesce.NONE);
  }

  /** What a seed decides, by chance of its own: plain runs stay what they are. */
  static Shape of(long seed, int members, boolean twoTrees) {
    SplittableRandom random = new SplittableRandom(seed ^ 0x2545f4914f6cdd1dL);
    Shape plain = plain(members, twoTrees);
    Kind kind = draw(random);
    return switch (kind) {
      case PLAIN -> plain;
      case CHANGING -> new Shape(kind, plain.weights, twoTrees, false, Quiesce.NONE);
      case WEIGHTED -> new Shape(kind, weights(random, members), twoTrees, false, Quiesce.NONE);
      case OBSERVED -> new Shape(kind, plain.weights, twoTrees, true, Quiesce.NONE);
      case QUIESCED ->
          new Shape(kind, plain.weights, twoTrees, false, Quiesce.values()[1 + random.nextInt(3)]);
    };
  }

  private static Kind draw(SplittableRandom random) {
    List<Kind> kinds = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      kinds.addAll(Collections.nCopies(kind.share, kind));
    }
    return kinds.get(random.nextInt(kinds.size()));
  }

  /** One that outweighs the others, or anything from 0 to 3. */
  private static List<Integer> weights(SplittableRandom random, int members) {
    List<Integer> weights = new ArrayList<>(Collections.nCopies(members, 1));
    if (random.nextInt(3) == 0) {
      weights.set(random.nextInt(members), 3);
    } else {
      weights.replaceAll(_ -> random.nextInt(4));
    }
    return weights;
  }
}
