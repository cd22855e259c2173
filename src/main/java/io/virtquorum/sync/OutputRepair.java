package io.virtquorum.sync;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Outputs;
import io.virtquorum.collect.Script;
import io.virtquorum.collect.Shell;
import io.virtquorum.collect.Tree;
import io.virtquorum.collect.Trouble;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.guest.GuestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Makes the output of a command what a sample's is (design, rule 1): the sample's output comes over
 * the sync network, the command's own {@code apply} reads it, and the command is asked again. What
 * it said before goes to the archive. Not safe for use by many threads.
 */
public final class OutputRepair {
  private static final Duration FETCH = Duration.ofSeconds(60);
  private static final Duration APPLY = Duration.ofMinutes(5);
  private static final Duration REST = Duration.ofSeconds(30);

  private final Shell shell;
  private final Outputs outputs;
  private final Optional<Tree> home;
  private final TreeRepair repair;
  private final Script fetch = Script.of(OutputRepair.class, "fetch.sh");
  private final Script apply = Script.of(OutputRepair.class, "apply-output.sh");

  /**
   * @param trees the first one's archive takes what is replaced
   */
  public OutputRepair(Shell shell, Outputs outputs, List<Tree> trees) {
    this.shell = shell;
    this.outputs = outputs;
    this.home = trees.stream().findFirst();
    this.repair = new TreeRepair(shell);
  }

  /**
   * Repairs.
   *
   * @param offer of a sample that serves its output
   * @param wanted what must come out
   * @param guestMillis the guest's clock, for the archive
   * @param limit for everything
   */
  public PullResult apply(
      Offer offer,
      Outputs.Feature command,
      Digest wanted,
      ArchiveNote note,
      long guestMillis,
      Duration limit)
      throws GuestException, Trouble {
    long start = shell.nanoTime();
    Deadline deadline = shell.deadline(limit);
    shell.needRsync(deadline);
    byte[] old = outputs.say(command);
    if (outputs.digest(command, old).equals(wanted)) {
      return done(0, 0, "", start);
    }
    String file = shell.fresh();
    RsyncReport report = fetch(offer, command, file, deadline);
    if (report.problem().isPresent()) {
      return report.problem().get();
    }
    if (!outputs.digest(command, shell.get(file, deadline)).equals(wanted)) {
      shell.run(new Script("rm", "rm -f \"$1\""), deadline, new byte[0], file);
      return new PullResult.Void("The sample moved: " + command.name() + " says something else");
    }
    String entry = archive(command, old, note, guestMillis, deadline);
    run(command, file, deadline);
    outputs.expire(command);
    return outputs.digest(command, outputs.say(command)).equals(wanted)
        ? done(1, report.bytes(), entry, start)
        : new PullResult.Failed(
            PullResult.Reason.StillDiffers,
            "After its apply command %s still says something else than the others"
                .formatted(command.name()));
  }

  private RsyncReport fetch(
      Offer offer, Outputs.Feature command, String file, Deadline deadline)
      throws GuestException, Trouble {
    byte[] said =
        shell.run(
            fetch,
            deadline,
            new byte[0],
            java.util.Map.of("RSYNC_PASSWORD", offer.password()),
            TreeRepair.url(offer, command.name()) + SampleServer.OUTPUT,
            Long.toString(Math.min(deadline.leftSeconds(), FETCH.toSeconds())),
            file,
            Integer.toString(Outputs.MOST));
    return RsyncReport.parse(Shell.text(said));
  }

  private String archive(
      Outputs.Feature command, byte[] old, ArchiveNote note, long guestMillis, Deadline deadline)
      throws GuestException, Trouble {
    if (home.isEmpty()) {
      return "";
    }
    Tree tree = home.get();
    String entry = repair.entry(note.entry() + "-" + command.name(), List.of(tree), deadline);
    repair.archive(tree, entry, new Manifest(note.verdict(), guestMillis).bytes(), deadline);
    shell.put(tree.own() + "/archive/" + entry + "/output", old, deadline);
    repair.finish(tree, deadline);
    return entry;
  }

  private void run(Outputs.Feature command, String file, Deadline deadline)
      throws GuestException, Trouble {
    Duration left = deadline.left().minus(REST);
    if (!left.isPositive()) {
      throw new GuestException.TimedOut("No time is left for the command's apply");
    }
    List<String> arguments = new ArrayList<>();
    arguments.add(Long.toString(Math.max(1, Math.min(left.toSeconds(), APPLY.toSeconds()))));
    arguments.add(file);
    arguments.addAll(command.apply());
    shell.run(apply, deadline, new byte[0], arguments.toArray(String[]::new));
  }

  private PullResult done(int rows, long bytes, String entry, long start) {
    long millis = Duration.ofNanos(shell.nanoTime() - start).toMillis();
    return new PullResult.Done(rows, bytes, entry, millis, List.of());
  }
}
