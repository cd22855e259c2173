package io.virtquorum.sync;

import io.virtquorum.collect.Deadline;
import io.virtquorum.collect.Outputs;
import io.virtquorum.collect.Script;
import io.virtquorum.collect.Shell;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Makes the output of a command what a sample's is (design, rule 1): the sample's output comes over
 * the sync network, the command's own {@code apply} reads it, and the command is asked again. What
 * it said before goes to the archive. Not safe for use by many threads.
 */
public final class OutputRepair {
  private static final Script FETCH = Script.of(OutputRepair.class, "fetch.sh");
  private static final Script APPLY = Script.of(OutputRepair.class, "apply-output.sh");
  private static final Script SETTLE = Script.of(OutputRepair.class, "settle-output.sh");
  private static final Script REMOVE = new Script("rm", "rm -f \"$1\"");
  private static final Duration FETCH_LIMIT = Duration.ofSeconds(60);
  private static final Duration APPLY_LIMIT = Duration.ofMinutes(5);
  private static final Duration REST = Duration.ofSeconds(30);

  private final Shell shell;
  private final Outputs outputs;
  private final Tree home;
  private final ArchiveLimits limits;
  private final Archive archive;
  private final TreeRepair repair;

  /**
   * @param trees at least one: the first one's archive takes what is replaced
   * @param limits of the member's archive
   */
  public OutputRepair(Shell shell, Outputs outputs, List<Tree> trees, ArchiveLimits limits) {
    this.shell = shell;
    this.outputs = outputs;
    this.home = trees.getFirst();
    this.limits = limits;
    this.archive = new Archive(shell, trees);
    this.repair = new TreeRepair(shell);
  }

  /**
   * Makes sure that nothing which an earlier repair began applies anything from now on, as {@link
   * Puller#settle}.
   *
   * @throws Trouble while a command of an earlier repair is still at work
   */
  public void settle(Duration limit) throws GuestException, Trouble {
    if (outputs.canApply()) {
      shell.run(SETTLE, shell.deadline(limit), new byte[0]);
    }
  }

  /**
   * Repairs.
   *
   * @param offer of a sample that serves its output
   * @param wanted what must come out
   * @param guestMillis the guest's clock, for the archive
   * @param limit for everything
   * @throws GuestException if the guest did not answer: how far it came is unknown, repair again
   */
  public PullResult apply(
      Offer offer,
      CommandFeature command,
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
    try {
      RsyncReport report = fetch(offer, file, deadline);
      Optional<PullResult> obstacle = report.problem();
      if (obstacle.isEmpty()) {
        obstacle = obstacle(command, wanted, file, old, deadline);
      }
      if (obstacle.isPresent()) {
        return obstacle.get();
      }
      String entry = archive(command, old, note, guestMillis, deadline);
      boolean equal = false;
      try {
        run(command, file, deadline);
        equal = outputs.digest(command, outputs.say(command)).equals(wanted);
      } finally {
        if (!equal) {
          forget(entry, command, old, deadline);
        }
      }
      return equal ? done(1, report.bytes(), entry, start) : differs(command);
    } finally {
      shell.run(REMOVE, deadline, new byte[0], file);
    }
  }

  private RsyncReport fetch(Offer offer, String file, Deadline deadline)
      throws GuestException, Trouble {
    byte[] said =
        shell.run(
            FETCH,
            deadline,
            new byte[0],
            Map.of("RSYNC_PASSWORD", offer.password()),
            TreeRepair.url(offer, SampleServer.OUTPUT) + SampleServer.OUTPUT,
            Long.toString(Math.min(deadline.leftSeconds(), FETCH_LIMIT.toSeconds())),
            file,
            Integer.toString(Outputs.MOST));
    return RsyncReport.parse(Shell.text(said));
  }

  /** What forbids to apply: the sample moved, or the archive has no room. */
  private Optional<PullResult> obstacle(
      CommandFeature command, Digest wanted, String file, byte[] old, Deadline deadline)
      throws GuestException, Trouble {
    if (!outputs.digest(command, shell.get(file, deadline)).equals(wanted)) {
      return Optional.of(
          new PullResult.Void("The sample moved: " + command.name() + " says something else"));
    }
    return archive.makeRoom(old.length, limits, deadline)
        ? Optional.empty()
        : Optional.of(archive.full(old.length, "what it said", limits, deadline));
  }

  private String archive(
      CommandFeature command, byte[] old, ArchiveNote note, long guestMillis, Deadline deadline)
      throws GuestException, Trouble {
    String entry = repair.entry(note.entry() + "-" + command.name(), List.of(home), deadline);
    var manifest = new Manifest(note.verdict(), guestMillis);
    manifest.add(SampleServer.OUTPUT, "replaced", Optional.empty(), false);
    repair.archive(home, entry, manifest.bytes(), deadline);
    shell.put(TreeRepair.directory(home, entry) + "/" + SampleServer.OUTPUT, old, deadline);
    repair.finish(home, true, deadline); // of the trees nothing is known here
    return entry;
  }

  private void run(CommandFeature command, String file, Deadline deadline)
      throws GuestException, Trouble {
    Duration left = deadline.left().minus(REST);
    List<String> arguments = new ArrayList<>();
    arguments.add(Long.toString(Math.clamp(left.toSeconds(), 1, APPLY_LIMIT.toSeconds())));
    arguments.add(file);
    arguments.addAll(command.apply());
    shell.run(APPLY, deadline, new byte[0], arguments.toArray(String[]::new));
  }

  /**
   * What was not replaced needs no entry: one for each failed try would in the end push out what
   * other repairs archived.
   */
  private void forget(String entry, CommandFeature command, byte[] old, Deadline deadline)
      throws GuestException {
    try {
      if (Arrays.equals(outputs.say(command), old)) {
        archive.remove(entry, deadline);
      }
    } catch (Trouble unknown) {
      // then it may have been replaced
    }
  }

  private static PullResult differs(CommandFeature command) {
    return new PullResult.Failed(
        PullResult.Reason.StillDiffers,
        "After its apply command %s still says something else than the others"
            .formatted(command.name()));
  }

  private PullResult done(int rows, long bytes, String entry, long start) {
    long millis = Duration.ofNanos(shell.nanoTime() - start).toMillis();
    return new PullResult.Done(rows, bytes, entry, millis, List.of());
  }
}
