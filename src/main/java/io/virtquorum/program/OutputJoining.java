package io.virtquorum.program;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.ArchivePrune;
import io.virtquorum.guest.wire.v1.Fetch;
import io.virtquorum.guest.wire.v1.KeepOutput;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Makes the output of a command what a donor's is (design, rule 1): the donor's output comes over
 * the sync network, the command's own {@code apply} reads it, and the command is asked again. What
 * it said before goes to the archive. For one thread.
 */
final class OutputJoining {
  private static final Duration FETCH = Duration.ofSeconds(60);
  private static final Duration APPLY = Duration.ofMinutes(5);

  private final Program program;
  private final Outputs outputs;
  private final Commands commands;

  OutputJoining(Program program, Outputs outputs, Commands commands) {
    this.program = program;
    this.outputs = outputs;
    this.commands = commands;
  }

  /** As {@link io.virtquorum.guest.Watch#applyOutput}. */
  PullResult apply(
      Offer offer, CommandFeature command, Digest wanted, ArchiveNote note, Limit limit)
      throws GuestException, Trouble {
    long start = program.time().nanos();
    ByteString old = outputs.say(command);
    if (outputs.digest(command, old).equals(wanted)) {
      return done(0, 0, "", start);
    }
    Optional<Secret> secret = Secret.of(offer.password());
    if (secret.isEmpty()) {
      return Secret.ofAnotherKind();
    }
    ByteString wantedOutput;
    try {
      wantedOutput = fetch(offer, secret.get(), limit.within(FETCH));
    } catch (RefusedException refused) {
      return Joining.result(refused);
    }
    if (!outputs.digest(command, wantedOutput).equals(wanted)) {
      return new PullResult.Void("The sample moved: " + command.name() + " says something else");
    }
    String entry;
    try {
      entry = keep(command, old, note, limit);
    } catch (RefusedException refused) {
      return Joining.result(refused);
    }
    boolean equal = false;
    try {
      commands.say(command.apply(), wantedOutput, APPLY, limit);
      equal = outputs.digest(command, outputs.say(command)).equals(wanted);
    } finally {
      if (!equal) {
        forget(entry, command, old);
      }
    }
    return equal
        ? done(1, wantedOutput.size(), entry, start)
        : new PullResult.Failed(
            PullResult.Reason.StillDiffers,
            "After its apply command %s still says something else than the others"
                .formatted(command.name()));
  }

  /** What it says now goes to the archive. */
  private String keep(CommandFeature command, ByteString old, ArchiveNote note, Limit limit)
      throws GuestException, Trouble, RefusedException {
    KeepOutput.Builder keep =
        KeepOutput.newBuilder()
            .setArchiveEntry(Joining.entry(note.entry() + "-" + command.name()))
            .setVerdict(note.verdict());
    return program
        .ask(
            Request.newBuilder().setKeepOutput(keep),
            "archiving an output",
            Commands.pieces(old),
            limit)
        .getOutputKept()
        .getArchiveEntry();
  }

  /**
   * What was not replaced needs no entry: one for each failed try would in the end push out what
   * other repairs archived.
   */
  private void forget(String entry, CommandFeature command, ByteString old) throws GuestException {
    try {
      if (outputs.say(command).equals(old)) {
        program.demand(
            Request.newBuilder().setArchivePrune(ArchivePrune.newBuilder().addNames(entry)),
            "removing an archive entry",
            program.time().in(FETCH));
      }
    } catch (Trouble unknown) {
      // then it may have been replaced
    }
  }

  private ByteString fetch(Offer offer, Secret secret, Limit limit)
      throws GuestException, Trouble, RefusedException {
    Fetch.Builder fetch = secret.fetch(offer).setOutput(true);
    ByteString came = ByteString.EMPTY;
    try (Call call =
        program.begin(
            Request.newBuilder().setFetch(fetch), "fetching an output", List.of(), limit)) {
      Answer piece = call.next(limit);
      while (!piece.getLast() && came.size() <= Commands.MOST) {
        came = came.concat(piece.getOutput().getOut());
        piece = call.next(limit);
      }
    }
    return came;
  }

  private PullResult done(int rows, long bytes, String entry, long start) {
    long millis = Duration.ofNanos(program.time().nanos() - start).toMillis();
    return new PullResult.Done(rows, bytes, entry, millis, List.of());
  }
}
