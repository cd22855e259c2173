package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.grpc.Server;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.stub.StreamObserver;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.program.Cable;
import io.virtquorum.program.ScratchTree;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.WireServer;
import io.virtquorum.wire.v1.AdjudicatorGrpc;
import io.virtquorum.wire.v1.Ailment;
import io.virtquorum.wire.v1.Audit;
import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FileFeature;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.GuestState;
import io.virtquorum.wire.v1.Offer;
import io.virtquorum.wire.v1.Progress.Outcome;
import io.virtquorum.wire.v1.PullSample;
import io.virtquorum.wire.v1.RestoreRows;
import io.virtquorum.wire.v1.ServeSample;
import io.virtquorum.wire.v1.ToMember;
import io.virtquorum.wire.v1.Verify;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whole members, from a gRPC server on loopback down to real directories and the real guest
 * program; only the VMs are missing. Runs as root, as the program does.
 */
@Timeout(180)
final class MemberTest {
  private static final byte[] SECRET = new byte[32];
  private static final io.virtquorum.wire.v1.Position FIRST = WireMapping.write(new Position(1, 1));

  @TempDir Path directory;
  private final EpollEventLoopGroup loop = new EpollEventLoopGroup(1);
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, Peer> peers = new ConcurrentHashMap<>();
  private final List<AutoCloseable> owned = new ArrayList<>();
  private Server server;
  private Cable cable;
  private int vms;
  private Configure extra = Configure.getDefaultInstance();

  @BeforeEach
  void serve() throws IOException, InterruptedException {
    cable = new Cable(directory);
    owned.add(cable);
    server =
        WireServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            Optional.empty(),
            executor,
            new AdjudicatorGrpc.AdjudicatorImplBase() {
              @Override
              public StreamObserver<FromMember> attach(StreamObserver<ToMember> response) {
                return new Peer(response);
              }
            });
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable one : owned.reversed()) {
      one.close();
    }
    server.shutdownNow();
    assertThat(server.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    executor.shutdownNow();
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  @Test
  void givenAGuestThatTellsOfAChangeThenTheMemberVotesOnItLongBeforeItsNextLookIsDue()
      throws Exception {
    extra = Configure.newBuilder().setQuickMillis(3_600_000).build();
    Vm a = vm("a", Map.of("page", "old"));
    Ballot before = a.peer().ballot(ballot -> true);
    Files.writeString(a.tree.resolve("page"), "new");
    a.peer().ballot(ballot -> !ballot.getRoot().equals(before.getRoot()));
  }

  @Test
  void givenTwoMembersThatDifferWhenOnePullsFromTheOtherThenTheyAreEqualAndItRemembers()
      throws Exception {
    Vm a = vm("a", Map.of("page", "new", "dir/added", "x"));
    Vm b = vm("b", Map.of("page", "old", "gone", "precious"));
    Ballot held = a.peer().ballot(ballot -> true);
    Ballot stale = b.peer().ballot(ballot -> true);
    assertThat(stale.getRoot()).isNotEqualTo(held.getRoot());
    assertThat(held.getAudited()).as("the first look is past the page cache").isTrue();
    assertThat(held.getBootId()).hasSize(36);
    assertThat(held.hasMemory()).isFalse();

    Offer offer =
        a.peer()
            .order(
                command("serve", 1)
                    .setServeSample(
                        ServeSample.newBuilder()
                            .setRoot(held.getRoot())
                            .setPullerAddress(b.address)))
            .getOffer();
    assertThat(offer.getRoot()).isEqualTo(held.getRoot());
    assertThat(offer.getRowsCount()).isEqualTo(held.getRows());

    var pull =
        command("pull", 1)
            .setPullSample(
                PullSample.newBuilder()
                    .setOffer(offer)
                    .setPosition(FIRST)
                    .setRoot(held.getRoot())
                    .setVerdict("verdict-1"));
    FromMember answer = b.peer().order(pull);
    assertThat(answer.getProgress().getOutcome())
        .as(answer.toString())
        .isEqualTo(Outcome.OUTCOME_DONE);
    assertThat(answer.getProgress().getRows()).isPositive();
    assertThat(answer.getProgress().getBytes()).isPositive();
    assertThat(b.tree.resolve("page")).hasContent("new");
    assertThat(b.tree.resolve("gone")).doesNotExist();
    assertThat(b.archived(answer.getProgress().getArchiveEntry(), "gone")).hasContent("precious");
    Ballot equal = b.peer().ballot(ballot -> ballot.getRoot().equals(held.getRoot()));
    assertThat(equal.getMemory().getRoot()).isEqualTo(held.getRoot());
    assertThat(equal.getMemory().getPosition()).isEqualTo(FIRST);
    assertThat(equal.getChangesTotal()).isZero();
    assertThat(equal.getUsersSinceHeld()).isFalse();

    Files.writeString(b.tree.resolve("page"), "changed later");
    b.peer().ballot(ballot -> ballot.getChangesTotal() > 0);
    assertThat(b.peer().order(pull)).as("sent again, not done again").isEqualTo(answer);
    assertThat(b.tree.resolve("page")).hasContent("changed later");
  }

  @Test
  void givenOneDamagedRowWhenRestoredThenTheOtherWriteStays() throws Exception {
    Vm a = vm("a", Map.of("page", "right", "other", "same"));
    Vm b = vm("b", Map.of("page", "wrong", "other", "the user's"));
    Ballot held = a.peer().ballot(ballot -> true);
    b.peer().ballot(ballot -> true);
    Offer offer =
        a.peer()
            .order(
                command("serve", 1)
                    .setServeSample(
                        ServeSample.newBuilder()
                            .setRoot(held.getRoot())
                            .setPullerAddress(b.address)))
            .getOffer();
    var rows =
        offer.getRowsList().stream()
            .filter(row -> row.getKey().getItem().toStringUtf8().equals("page"))
            .toList();
    assertThat(rows).hasSize(1);
    FromMember answer =
        b.peer()
            .order(
                command("restore", 1)
                    .setRestoreRows(
                        RestoreRows.newBuilder()
                            .setOffer(offer)
                            .addAllRows(rows)
                            .setVerdict("rot-1")));
    assertThat(answer.getProgress().getOutcome())
        .as(answer.toString())
        .isEqualTo(Outcome.OUTCOME_DONE);
    assertThat(b.tree.resolve("page")).hasContent("right");
    assertThat(b.tree.resolve("other")).hasContent("the user's");
  }

  @Test
  void givenARootToProveThenTheMemberRemembersItOrSaysThatItMoved() throws Exception {
    Vm a = vm("a", Map.of("page", "1"));
    Ballot held = a.peer().ballot(ballot -> true);
    var proof = Verify.newBuilder().setPosition(FIRST).setRoot(held.getRoot());
    assertThat(a.peer().order(command("v1", 1).setVerify(proof)).getProgress().getOutcome())
        .isEqualTo(Outcome.OUTCOME_DONE);
    Ballot remembering = a.peer().ballot(Ballot::hasMemory);
    assertThat(remembering.getMemory().getRoot()).isEqualTo(held.getRoot());
    Files.writeString(a.tree.resolve("page"), "2");
    assertThat(a.peer().order(command("v2", 1).setVerify(proof)).getProgress().getOutcome())
        .isEqualTo(Outcome.OUTCOME_VOID);
    Ballot changed = a.peer().ballot(ballot -> ballot.getChangesTotal() == 1);
    assertThat(changed.getChanges(0).getKey().getItem().toStringUtf8()).isEqualTo("page");
    assertThat(changed.getMemory().getRoot()).isEqualTo(held.getRoot());
  }

  @Test
  void givenAnAuditOrderThenABallotOfAnAuditAndOneProgressCome() throws Exception {
    Vm a = vm("a", Map.of("page", "1"));
    Ballot first = a.peer().ballot(ballot -> true);
    FromMember answer = a.peer().order(command("audit", 1).setAudit(Audit.getDefaultInstance()));
    assertThat(answer.getProgress().getOutcome()).isEqualTo(Outcome.OUTCOME_DONE);
    until(
        () ->
            a.peer().got.stream()
                .map(FromMember::getBallot)
                .anyMatch(b -> b.getAudited() && b.getNumber() > first.getNumber()));
  }

  @Test
  void givenALeaderOfAnOlderTermThenItsOrdersAreRefused() throws Exception {
    Vm a = vm("a", Map.of("page", "1"));
    a.peer().ballot(ballot -> true);
    a.peer().order(command("newer", 7).setAudit(Audit.getDefaultInstance()));
    var refused =
        a.peer().order(command("older", 6).setAudit(Audit.getDefaultInstance())).getProgress();
    assertThat(refused.getOutcome()).isEqualTo(Outcome.OUTCOME_REFUSED);
    assertThat(refused.getReason()).isEqualTo("OldTerm");
    assertThat(a.state.term()).as("kept for the next life").isEqualTo(7);
  }

  @Test
  void givenAGuestThatFallsSilentThenBeatsSaySoAndAnAuditFailsWithASentence() throws Exception {
    Vm a = vm("a", Map.of("page", "1"));
    a.peer().ballot(ballot -> true);
    cable.stop(a.end, true);
    until(
        () ->
            a.peer().got.stream()
                .anyMatch(m -> m.getBeat().getGuest() == GuestState.GUEST_STATE_SILENT));
    var audit = command("audit", 1).setAudit(Audit.getDefaultInstance());
    var failed = a.peer().order(audit.setExpiresInMillis(10_000)).getProgress();
    assertThat(failed.getOutcome()).isEqualTo(Outcome.OUTCOME_FAILED);
    assertThat(failed.getReason()).isEqualTo("GuestUnreachable");
    long before = a.peer().ballots();
    cable.stop(a.end, false);
    until(() -> a.peer().ballots() > before);
  }

  @Test
  void givenAPathThatIsMissingThenTheBallotSaysTroubleAndNotAnEmptyState() throws Exception {
    Vm a = vm("a", Map.of("page", "1"));
    Ballot healthy = a.peer().ballot(ballot -> true);
    Files.move(a.tree, a.disk.path.resolve("elsewhere"));
    Ballot trouble = a.peer().ballot(ballot -> !ballot.getTroubleReason().isEmpty());
    assertThat(trouble.getTroubleReason()).isEqualTo("PathMissing");
    assertThat(trouble.getTrouble()).isNotEmpty();
    assertThat(trouble.getRoot()).as("what it held last").isEqualTo(healthy.getRoot());
    Files.move(a.disk.path.resolve("elsewhere"), a.tree);
    a.peer().ballot(b -> b.getTroubleReason().isEmpty() && b.getNumber() > trouble.getNumber());
  }

  @Test
  void givenModeObserveThenNothingInTheGuestIsTouched() throws Exception {
    extra = Configure.newBuilder().setObserve(true).build();
    Vm a = vm("a", Map.of("page", "1"));
    Ballot held = a.peer().ballot(ballot -> true);
    var proof = Verify.newBuilder().setPosition(FIRST).setRoot(held.getRoot());
    var refused = a.peer().order(command("v", 1).setVerify(proof)).getProgress();
    assertThat(refused.getOutcome()).isEqualTo(Outcome.OUTCOME_REFUSED);
    assertThat(refused.getReason()).isEqualTo("Observe");
    assertThat(a.disk.path.resolve(".virtquorum")).doesNotExist();
  }

  @Test
  void givenAnOrderThatCannotBeUnderstoodThenTheSentenceSaysWhy() throws Exception {
    Vm a = vm("a", Map.of("page", "1"));
    a.peer().ballot(ballot -> true);
    var odd = Verify.newBuilder().setPosition(FIRST).setRoot(ByteString.copyFromUtf8("short"));
    var refused = a.peer().order(command("v", 1).setVerify(odd)).getProgress();
    assertThat(refused.getReason()).isEqualTo("BadOrder");
    assertThat(refused.getMessage()).contains("32 bytes");
  }

  @Test
  void givenAConfigurationThatCannotBeWorkedWithThenTheMemberSaysSoAndGoesOnWithABetterOne()
      throws Exception {
    extra = Configure.newBuilder().setFingerprintKey(ByteString.copyFromUtf8("short")).build();
    Vm a = vm("a", Map.of("page", "one"));
    Ailment ailment = a.peer().ailment();
    assertThat(ailment.getReason()).isEqualTo("ConfigurationUnusable");
    assertThat("web-2: " + ailment.getSentence())
        .matches(Troubleshooting.of("a sidecar that cannot work as it is told")::matches);
  }

  private static Command.Builder command(String id, long term) {
    return Command.newBuilder().setId(id).setTerm(term).setExpiresInMillis(60_000);
  }

  private static void until(Callable<Boolean> condition) {
    await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(10)).until(condition);
  }

  private Configure configure() {
    return Configure.newBuilder()
        .setTerm(1)
        .setFingerprintKey(ByteString.copyFrom(SECRET))
        .setBeatMillis(20)
        .setQuickMillis(50)
        .setAuditMillis(600_000)
        .setArchiveEntries(5)
        .setArchiveBytes(1 << 20)
        .mergeFrom(extra)
        .build();
  }

  private Vm vm(String name, Map<String, String> files) throws IOException, InterruptedException {
    return new Vm(name, files);
  }

  /** A member over a file system of its own. */
  private final class Vm {
    final String name;
    final int end;
    final String address;
    final ScratchTree disk;
    final Path tree;
    final StateDirectory state;

    Vm(String name, Map<String, String> files) throws IOException, InterruptedException {
      this.name = name;
      this.end = vms++;
      this.address = "172.31.77.1" + end;
      Path home = Files.createDirectories(directory.resolve(name));
      disk = ScratchTree.tmpfs(home.resolve("disk"));
      owned.add(disk);
      tree = Files.createDirectories(disk.path.resolve("site"));
      for (var file : files.entrySet()) {
        disk.write("site/" + file.getKey(), file.getValue());
      }
      state = new StateDirectory(home);
      var guest = cable.guest(end);
      var site = FileFeature.newBuilder().setName("site").setPath(tree.toString());
      var dialer =
          new Dialer(List.of("127.0.0.1:" + server.getPort()), Optional.empty(), loop, executor);
      owned.add(
          new MemberThread(
              new Identity("shop", name, "uid-" + name),
              "web",
              "test",
              guest,
              new Orders(0, state::term),
              configure ->
                  GuestWork.of(
                      name,
                      configure.toBuilder()
                          .setSyncMac(Cable.mac(end))
                          .setSyncAddress(address + "/24")
                          .addFiles(site)
                          .build(),
                      guest,
                      state,
                      Set.of(),
                      System::nanoTime),
              (hello, beat, listener) -> new Link(dialer, hello, beat, listener)));
    }

    /** Where a repair put what it replaced. */
    Path archived(String entry, String file) throws IOException {
      try (var all = Files.walk(disk.path.resolve(".virtquorum"))) {
        return all.filter(path -> path.endsWith(Path.of(entry, "files", file)))
            .findFirst()
            .orElseThrow();
      }
    }

    Peer peer() {
      until(() -> peers.containsKey(name));
      return peers.get(name);
    }
  }

  /** The adjudicator's end of one member's stream. */
  private final class Peer implements StreamObserver<FromMember> {
    final List<FromMember> got = new CopyOnWriteArrayList<>();
    private final StreamObserver<ToMember> response;

    Peer(StreamObserver<ToMember> response) {
      this.response = response;
    }

    long ballots() {
      return got.stream().filter(FromMember::hasBallot).count();
    }

    /** The newest ballot, once it is as wanted. */
    Ballot ballot(Predicate<Ballot> wanted) {
      return await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofMillis(10))
          .until(() -> newest().filter(wanted), Optional::isPresent)
          .orElseThrow();
    }

    private Optional<Ballot> newest() {
      return got.reversed().stream()
          .filter(FromMember::hasBallot)
          .map(FromMember::getBallot)
          .findFirst();
    }

    /** What ails the member first. */
    Ailment ailment() {
      until(() -> got.stream().anyMatch(m -> m.getHealth().getAilmentsCount() > 0));
      return got.stream()
          .flatMap(m -> m.getHealth().getAilmentsList().stream())
          .findFirst()
          .orElseThrow();
    }

    /** Sends an order and waits for its answer. */
    FromMember order(Command.Builder command) {
      long before = answers(command.getId()).size();
      synchronized (response) {
        response.onNext(ToMember.newBuilder().setCommand(command).build());
      }
      until(() -> answers(command.getId()).size() > before);
      return answers(command.getId()).getLast();
    }

    private List<FromMember> answers(String id) {
      return got.stream()
          .filter(
              m ->
                  m.getProgress().getCommandId().equals(id)
                      || m.getOffer().getCommandId().equals(id))
          .toList();
    }

    @Override
    public void onNext(FromMember message) {
      got.add(message);
      if (message.hasHello()) {
        peers.put(message.getHello().getMember(), this);
        synchronized (response) {
          response.onNext(ToMember.newBuilder().setConfigure(configure()).build());
        }
      }
    }

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
  }
}
