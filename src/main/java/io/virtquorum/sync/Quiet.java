package io.virtquorum.sync;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Script;
import io.virtquorum.collect.Shell;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Keeps the writers of busy trees still by the trees' own commands (design, rule 8). A command is
 * run with {@code begin} as its last argument, and later with {@code end}: by this object, or by
 * the guest itself when the time is over, whatever becomes of the sidecar; again until that works,
 * and never twice at a time. Not safe for use by many threads.
 */
public final class Quiet {
  private static final Script QUIESCE = Script.of(Quiet.class, "quiesce.sh");

  /** A command may take so long. */
  private static final Duration LONGEST = Duration.ofSeconds(30);

  private final Shell shell;
  private final List<Tree> trees;
  private final Duration longest;

  public Quiet(Shell shell, List<Tree> trees) {
    this(shell, trees, LONGEST);
  }

  /**
   * @param longest that a command may take; 1 s at least
   */
  Quiet(Shell shell, List<Tree> trees, Duration longest) {
    this.shell = shell;
    this.longest = longest;
    this.trees = trees.stream().filter(tree -> !tree.quiesce().isEmpty()).toList();
  }

  /**
   * Has all writers keep still; again while they do prolongs it.
   *
   * @param still after which the guest lets them go on by itself; 1 s at least
   * @throws Trouble if a command failed; those that had begun are ended
   */
  public void begin(Duration still, Duration limit) throws GuestException, Trouble {
    Deadline deadline = shell.deadline(limit);
    for (Tree tree : trees) {
      try {
        run(tree, Math.max(1, still.toSeconds()), "begin", deadline);
      } catch (Trouble trouble) {
        try {
          end(deadline.left());
        } catch (Trouble also) {
          trouble.addSuppressed(also);
        }
        throw trouble;
      }
    }
  }

  /**
   * Lets them go on; nothing happens to those that are not kept still.
   *
   * @throws Trouble if a command failed: the guest goes on trying, and so does the next call
   */
  public void end(Duration limit) throws GuestException, Trouble {
    Deadline deadline = shell.deadline(limit);
    Trouble first = null;
    for (Tree tree : trees) {
      try {
        run(tree, 0, "end", deadline);
      } catch (Trouble trouble) {
        first = first == null ? trouble : first; // the others go on all the same
      }
    }
    if (first != null) {
      throw first;
    }
  }

  private void run(Tree tree, long seconds, String what, Deadline deadline)
      throws GuestException, Trouble {
    List<String> arguments =
        new ArrayList<>(
            List.of(tree.name(), what, Long.toString(seconds), Long.toString(longest.toSeconds())));
    arguments.addAll(tree.quiesce());
    shell.run(QUIESCE, deadline, new byte[0], arguments.toArray(String[]::new));
  }
}
