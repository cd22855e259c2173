package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.virtquorum.program.CarriedPrograms;
import io.virtquorum.program.ProgramGuest;
import io.virtquorum.program.RealProgram;
import io.virtquorum.program.ScratchTree;
import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FileFeature;
import io.virtquorum.wire.v1.Memory;
import io.virtquorum.wire.v1.Position;
import io.virtquorum.wire.v1.Progress.Outcome;
import io.virtquorum.wire.v1.Standing;
import io.virtquorum.wire.v1.Verify;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** From a write to its confirmation: the real program, the whole sidecar, a scripted leader. */
@Timeout(90)
final class BarrierWithProgramTest {
  private static final int COMMITTED = 0;
  private static final int UNKNOWN = 1;
  private static final int OUTSIDE = 3;
  private static final int NOT_PRIMARY = 4;
  private static final int OBSERVED = 6;
  private static final int NO_SIDECAR = 8;

  @TempDir Path directory;
  private final Sent sent = new Sent();
  private int orders;

  @Test
  void givenAWriteThenWhoWaitsHearsThatItIsCommittedOnceTheLeaderRecordedIt() throws Exception {
    try (ScratchTree tree = ScratchTree.tmpfs(directory.resolve("tree"));
        var program = new RealProgram(Files.createDirectories(directory.resolve("program")));
        var guest = new ProgramGuest(program.socket, () -> 3, "test", CarriedPrograms.none());
        var _ = member(tree, guest)) {
      await().until(() -> !sent.ballots.isEmpty());
      assertThat(program.commit("--timeout", "200ms")).isEqualTo(NO_SIDECAR);
      Ballot first = proven(1);
      stands(standing(1, first));
      assertThat(asked(program, standing(1, first))).as("nothing differs").isEqualTo(COMMITTED);
      assertThat(program.commit("--timeout", "30s", "/etc/passwd")).isEqualTo(OUTSIDE);

      tree.write("order", "paid");
      var waiting =
          CompletableFuture.supplyAsync(
              () -> commit(program, "--timeout", "60s", tree.path.resolve("order").toString()));
      await().until(() -> !sent.ballots.getLast().getRoot().equals(first.getRoot()));
      Ballot second = proven(2);
      stands(standing(1, first).toBuilder().setEpoch(9).build()); // still what it was
      assertThat(program.commit("--timeout", "200ms")).isEqualTo(UNKNOWN);
      assertThat(waiting).isNotDone();
      stands(standing(2, second));
      assertThat(waiting.join()).isEqualTo(COMMITTED);

      stands(standing(2, second).toBuilder().setTerm(2).setPrimary(false).build());
      assertThat(asked(program, standing(2, second))).as("an older leader").isEqualTo(COMMITTED);
      stands(standing(2, second).toBuilder().setReason("Observe").setSentence("No.").build());
      assertThat(program.commit("--timeout", "30s")).isEqualTo(OBSERVED);
      stands(standing(2, second).toBuilder().setTenure(2).setPrimary(false).build());
      assertThat(program.commit("--timeout", "30s")).isEqualTo(NOT_PRIMARY);
    }
  }

  private MemberThread member(ScratchTree tree, ProgramGuest guest) {
    Configure configure =
        Configure.newBuilder()
            .setTerm(3)
            .setFingerprintKey(ByteString.copyFrom(new byte[32]))
            .addFiles(FileFeature.newBuilder().setName("site").setPath(tree.path.toString()))
            .setArchiveEntries(20)
            .setArchiveBytes(1 << 30)
            .build();
    var member =
        new MemberThread(
            new Identity("shop", "web-0", "uid"),
            "web",
            "test",
            guest,
            new Orders(0, _ -> {}),
            wanted ->
                GuestWork.of("web-0", wanted, guest, new NobodyKept(), Set.of(), System::nanoTime),
            (_, _, listener) -> {
              sent.listener = listener;
              return sent;
            });
    sent.listener.attached();
    sent.listener.configured(configure);
    return member;
  }

  /** What the member holds now, proven and remembered at a position. */
  private Ballot proven(long sequence) {
    for (int tries = 0; tries < 20; tries++) { // the look may have been of a moment before
      Ballot ballot = sent.ballots.getLast();
      int before = sent.answers.size();
      sent.listener.ordered(
          Command.newBuilder()
              .setTerm(3)
              .setId("verify-" + ++orders)
              .setExpiresInMillis(60_000)
              .setVerify(
                  Verify.newBuilder().setPosition(position(sequence)).setRoot(ballot.getRoot()))
              .build());
      await().until(() -> sent.answers.size() > before);
      if (sent.answers.getLast().getProgress().getOutcome() == Outcome.OUTCOME_DONE) {
        return ballot;
      }
    }
    throw new AssertionError(sent.answers.getLast().toString());
  }

  private static Position position(long sequence) {
    return Position.newBuilder().setTenure(1).setSequence(sequence).build();
  }

  private static Standing standing(long sequence, Ballot held) {
    return Standing.newBuilder()
        .setTerm(3)
        .setPrimary(true)
        .setTenure(1)
        .setEpoch(sequence)
        .setCommitted(Memory.newBuilder().setPosition(position(sequence)).setRoot(held.getRoot()))
        .build();
  }

  /**
   * A call that finds nothing new, and a leader who is asked whether the record still says so; it
   * is where the program looked once more since it remembered.
   */
  private int asked(RealProgram program, Standing record) {
    var call = CompletableFuture.supplyAsync(() -> commit(program, "--timeout", "30s"));
    AtomicLong confirmed = new AtomicLong();
    await()
        .atMost(Duration.ofSeconds(40))
        .until(
            () -> {
              long asks = sent.ballots.getLast().getAsks();
              if (confirmed.getAndSet(asks) != asks) {
                sent.listener.stands(record.toBuilder().setConfirmed(asks).build());
              }
              return call.isDone();
            });
    return call.join();
  }

  /** Told, and passed on by the time that an order which came later was answered. */
  private void stands(Standing standing) {
    sent.listener.stands(standing);
    int before = sent.answers.size();
    sent.listener.ordered(
        Command.newBuilder()
            .setTerm(3)
            .setId("audit-" + ++orders)
            .setExpiresInMillis(60_000)
            .setAudit(io.virtquorum.wire.v1.Audit.getDefaultInstance())
            .build());
    await().until(() -> sent.answers.size() > before);
  }

  private static int commit(RealProgram program, String... arguments) {
    try {
      return program.commit(arguments);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** Nobody used the guest. */
  private static final class NobodyKept implements Users.Kept {
    @Override
    public boolean usersSinceHeld() {
      return false;
    }

    @Override
    public void usersSinceHeld(boolean used) {}
  }
}
