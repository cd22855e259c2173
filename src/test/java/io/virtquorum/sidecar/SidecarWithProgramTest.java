package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.program.Cable;
import io.virtquorum.program.RealProgram;
import io.virtquorum.program.ScratchTree;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.OfferContent;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FileFeature;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Peer;
import io.virtquorum.wire.v1.Progress.Outcome;
import io.virtquorum.wire.v1.PullSample;
import io.virtquorum.wire.v1.ServeSample;
import io.virtquorum.wire.v1.Verify;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Orders as the operator gives them, by sidecars that reach real guest programs on a network. */
@Timeout(60)
final class SidecarWithProgramTest {
  private static final Duration LEFT = Duration.ofSeconds(20);
  private static final Position FIRST = new Position(1, 1);

  @TempDir Path directory;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final Recall recall = new Recall(new CalledRounds());
  private Cable cable;

  @BeforeEach
  void makeGuestsOnACable() throws Exception {
    cable = new Cable(directory);
    open.push(cable);
  }

  @AfterEach
  void end() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }

  private static String address(int member) {
    return "172.31.77.1" + member;
  }

  private GuestWork member(int number, ScratchTree tree) throws IOException, InterruptedException {
    open.push(tree);
    var guest = cable.guest(number);
    Configure configure =
        Configure.newBuilder()
            .setTerm(3)
            .setFingerprintKey(ByteString.copyFrom(new byte[32]))
            .addFiles(FileFeature.newBuilder().setName("site").setPath(tree.path.toString()))
            .setSyncMac(Cable.mac(number))
            .setSyncAddress(address(number) + "/24")
            .addPeers(Peer.newBuilder().setMember("other").setAddress(address(1 - number)))
            .setArchiveEntries(20)
            .setArchiveBytes(1 << 30)
            .build();
    String name = "web-" + number;
    GuestWork work =
        GuestWork.of(name, configure, guest, new KeptInMemory(), Set.of(), System::nanoTime);
    open.push(work);
    return work;
  }

  private static Command.Builder order(String id) {
    return Command.newBuilder().setTerm(3).setId(id);
  }

  @Test
  void givenAnElectedStateThenTheOthersSidecarTakesItByWhatTheOperatorCarries() throws Exception {
    ScratchTree here = ScratchTree.tmpfs(directory.resolve("tree-0"));
    ScratchTree there = ScratchTree.ext4(directory.resolve("tree-1"));
    here.write("index.html", "elected");
    here.write("images/logo", "x".repeat(300_000));
    there.write("index.html", "lost");
    RealProgram.run("rmdir", there.path.resolve("lost+found") + "");
    GuestWork donor = member(0, here);
    GuestWork joiner = member(1, there);

    BallotContent elected = donor.look(true);
    BallotContent lost = joiner.look(true);
    assertThat(elected.trouble()).isEmpty();
    assertThat(elected.audited()).isTrue();
    assertThat(elected.rows()).isEqualTo(4);
    assertThat(lost.root()).isNotEqualTo(elected.root());
    assertThat(donor.health().ailments()).as("its NIC got its address").isEmpty();

    Verify.Builder verify =
        Verify.newBuilder()
            .setPosition(WireMapping.write(FIRST))
            .setRoot(WireMapping.write(elected.root()));
    assertThat(
            donor
                .run(order("verify").setVerify(verify).build(), LEFT, recall)
                .getProgress()
                .getOutcome())
        .isEqualTo(Outcome.OUTCOME_DONE);
    FromMember offer =
        donor.run(
            order("serve")
                .setServeSample(
                    ServeSample.newBuilder()
                        .setRoot(WireMapping.write(elected.root()))
                        .setPullerAddress(address(1)))
                .build(),
            LEFT,
            recall);
    assertThat(offer.getOffer().getAddress()).isEqualTo(address(0));

    FromMember done =
        joiner.run(
            order("pull")
                .setPullSample(
                    PullSample.newBuilder()
                        .setOffer(offer.getOffer())
                        .setPosition(WireMapping.write(FIRST))
                        .setRoot(WireMapping.write(elected.root()))
                        .setVerdict("It lost the vote.")
                        .setArchiveEntry("1.1-web-1"))
                .build(),
            LEFT,
            recall);
    assertThat(done.getProgress().getOutcome())
        .as(done.getProgress().getMessage())
        .isEqualTo(Outcome.OUTCOME_DONE);
    assertThat(done.getProgress().getRows()).isEqualTo(3);
    assertThat(done.getProgress().getArchiveEntry()).isEqualTo("1.1-web-1");
    assertThat(there.read("index.html")).isEqualTo("elected");
    BallotContent equal = joiner.look(false);
    assertThat(equal.root()).isEqualTo(elected.root());
    assertThat(equal.memory()).contains(new Remembered(FIRST, elected.root()));
    assertThat(equal.changesTotal()).isZero();
    assertThat(joiner.health().silentPeers()).isEmpty();
  }

  @Test
  void givenASampleThatNoPacketReachesWhenTheOrderIsRecalledThenTheSidecarLooksAtOnce()
      throws Exception {
    ScratchTree there = ScratchTree.tmpfs(directory.resolve("tree-1"));
    there.write("index.html", "lost");
    GuestWork joiner = member(1, there);
    BallotContent before = joiner.look(true);
    String nowhere = address(9);
    cable.ip(1, "neigh", "add", nowhere, "lladdr", Cable.mac(9), "dev", "sync0");
    Matrix wanted =
        Matrix.of(
            List.of(
                new Row(new RowKey("site", ""), Digest.parse("01".repeat(32))),
                new Row(new RowKey("site", "new"), Digest.parse("02".repeat(32)))));
    Command pull =
        order("pull")
            .setPullSample(
                PullSample.newBuilder()
                    .setOffer(
                        WireMapping.write(
                            new OfferContent(
                                "serve", wanted, nowhere, 17_733, "program-1:" + "03".repeat(64))))
                    .setPosition(WireMapping.write(FIRST))
                    .setRoot(WireMapping.write(wanted.root()))
                    .setArchiveEntry("1.1-web-1"))
            .build();

    var waiting = new FutureTask<>(() -> joiner.run(pull, Duration.ofMinutes(10), recall));
    Thread thread = Thread.ofVirtual().start(waiting);
    await()
        .atMost(Duration.ofSeconds(15))
        .until(() -> cable.run(1, "ss", "-tn").contains("SYN-SENT"));
    long recalled = System.nanoTime();
    thread.interrupt();
    assertThatThrownBy(() -> waiting.get(5, TimeUnit.SECONDS))
        .hasCauseInstanceOf(GuestException.class);
    BallotContent after = joiner.look(false);
    assertThat(Duration.ofNanos(System.nanoTime() - recalled)).isLessThan(Duration.ofSeconds(5));
    assertThat(after.root()).isEqualTo(before.root());
    assertThat(after.trouble()).isEmpty();
  }
}
