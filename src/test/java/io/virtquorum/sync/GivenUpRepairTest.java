package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.agent.TamperedGuest;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Member;
import io.virtquorum.collect.Outputs;
import io.virtquorum.collect.Shell;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A guest agent that does not answer when files are to be replaced, and may do so later. */
class GivenUpRepairTest extends TwoMembers {
  private Offer offer;

  @BeforeEach
  void write() throws Exception {
    sample.write("changed", "new");
    member.write("changed", "old");
    offer = offer();
  }

  @Test
  void aRepairThatWasCutOffWhileItWroteShows() throws Exception {
    member.guest.run(givenUp());
    assertThat(member.restart().quick(Member.LIMIT).interrupted()).isTrue();
  }

  @Test
  void givenARepairThatWasCutOffWhenAnotherStateComesThenWhatItBroughtIsKeptAsSomebodys()
      throws Exception {
    member.remember(1, 0);
    member.guest.run(givenUp());
    assertThat(member.path("changed")).hasContent("new");
    sample.write("changed", "newer");
    offer = offer();
    sample.write("changed", "old");
    assertThat(pull(member.restart())).isInstanceOf(PullResult.Void.class); // which ends nothing
    offer = offer();

    assertThat(pull(member.restart())).isInstanceOf(PullResult.Done.class);

    assertThat(member.path("changed")).hasContent("old");
    assertThat(member.path(".virtquorum/archive/entry.2/files/changed")).hasContent("new");
    assertThat(Files.readString(member.path(".virtquorum/archive/entry.2/manifest")))
        .contains("\nuser replaced f 644 0 0 3 changed\n");
    assertThat(member.quick().interrupted()).isFalse();
    assertThat(member.path(".virtquorum/applying")).doesNotExist();
  }

  @Test
  void aRepairThatTheAgentExecutesAfterItWasGivenUpReplacesNothing() throws Exception {
    GuestAgent.Exec late = givenUp();

    puller(member.restart()).settle(Member.LIMIT);
    GuestAgent.Result result = member.guest.run(late);

    assertThat(new String(result.output(), UTF_8)).contains("was given up meanwhile");
    assertThat(member.path("changed")).hasContent("old");
    assertThat(member.sh("ls -A")).isEqualTo(".virtquorum\nchanged\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/bin/sh", "/bin/busybox sh"})
  void aRepairThatIsStillAtWorkIsEndedBeforeUsersAreLedToTheMember(String interpreter)
      throws Exception {
    List<String> command = new ArrayList<>(List.of(interpreter.split(" ")));
    assumeTrue(
        Files.isExecutable(Path.of(command.getFirst())), interpreter + " is not installed here");
    GuestAgent.Exec apply = givenUp();
    command.addAll(apply.command().subList(1, apply.command().size()));
    member.sh(
        "printf '#!/bin/sh\\ntouch ../began; sleep 60; exec rsync \"$@\"\\n' >../slow; chmod +x ../slow");
    Map<String, String> environment = new HashMap<>(apply.environment());
    environment.put("VQ_RSYNC", member.home.resolve("slow").toString());
    var slow = new GuestAgent.Exec(command, apply.input(), environment, Duration.ofMinutes(2));
    var result = begin(slow);
    await().until(() -> Files.exists(member.home.resolve("began")));

    puller(member.restart()).settle(Member.LIMIT);

    assertThat(result.get(30, TimeUnit.SECONDS).exit()).isEqualTo(143);
    assertThat(member.path("changed")).hasContent("old");
    assertThat(member.sh("ls -A .virtquorum")).isEqualTo("applying\narchive\n");
    assertThat(pull(member.restart())).isInstanceOf(PullResult.Done.class);
  }

  @Test
  void anOutputThatTheAgentAppliesAfterItWasGivenUpIsNotApplied() throws Exception {
    GuestAgent.Exec late = givenUpOutput();

    repairer(member.files().shell()).settle(Member.LIMIT);
    GuestAgent.Result result = member.guest.run(late);

    assertThat(new String(result.output(), UTF_8)).contains("was given up meanwhile");
    assertThat(member.home.resolve("setting")).hasContent("wrong\n");
  }

  @Test
  void aCommandThatStillAppliesIsWaitedForAndNotCutOff() throws Exception {
    GuestAgent.Exec apply = givenUpOutput();
    member.sh("mkfifo ../go");
    var result = begin(apply);
    await().until(() -> Files.exists(member.home.resolve("run/apply.pid")));
    var earlier = repairer(member.files().shell());

    assertThatThrownBy(() -> earlier.settle(Member.LIMIT))
        .isInstanceOf(Trouble.class)
        .hasMessageContaining("still works");
    member.sh("echo on > ../go");

    assertThat(result.get(30, TimeUnit.SECONDS).exit()).isZero();
    earlier.settle(Member.LIMIT);
    assertThat(member.home.resolve("setting")).hasContent("right\n");
  }

  /** Pulls in such a guest; what it was asked. */
  private GuestAgent.Exec givenUp() {
    var asked = new AtomicReference<GuestAgent.Exec>();
    var trees =
        new FileTrees(silentFor("# apply.sh", asked), Member.KEY, member.trees, Member.AT_ONCE);
    assertThatThrownBy(() -> pull(trees)).isInstanceOf(GuestException.TimedOut.class);
    return asked.get();
  }

  /** Repairs an output in such a guest, whose command waits for a word if it is to. */
  private GuestAgent.Exec givenUpOutput() throws Exception {
    Files.writeString(member.home.resolve("setting"), "wrong\n");
    var asked = new AtomicReference<GuestAgent.Exec>();
    Shell silent = silentFor("# apply-output.sh", asked);
    byte[] right = "right\n".getBytes(UTF_8);
    Digest wanted = outputs(silent).digest(setting(), right);
    var serving = server.start("2", HERE, HERE, right, Duration.ofSeconds(60), Member.LIMIT);
    var from = Offer.of(serving, Output.matrix("setting", wanted));
    var note = new ArchiveNote("entry", "why");
    assertThatThrownBy(
            () -> repairer(silent).apply(from, setting(), wanted, note, 77, Member.LIMIT))
        .isInstanceOf(GuestException.TimedOut.class);
    return asked.get();
  }

  private CommandFeature setting() {
    String home = member.home.toString();
    return new CommandFeature(
        "setting",
        List.of("cat", home + "/setting"),
        List.of("sh", "-c", "cd \"$0\"; [ ! -e go ] || read -r word <go; cat > setting", home));
  }

  private Outputs outputs(Shell shell) {
    return new Outputs(shell, Member.KEY, List.of(setting()), List.of());
  }

  private OutputRepair repairer(Shell shell) {
    return new OutputRepair(shell, outputs(shell), member.trees, ROOMY);
  }

  /** A guest that from this script on answers nothing more. */
  private Shell silentFor(String script, AtomicReference<GuestAgent.Exec> asked) {
    TamperedGuest.Tampering silent =
        (guest, exec) -> {
          if (exec.command().get(2).contains(script)) {
            asked.set(exec);
          }
          if (asked.get() != null) {
            throw new GuestException.TimedOut("silent");
          }
          return guest.run(exec);
        };
    return tampered(silent);
  }

  private CompletableFuture<GuestAgent.Result> begin(GuestAgent.Exec exec) {
    var result = new CompletableFuture<GuestAgent.Result>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                result.complete(member.guest.run(exec));
              } catch (GuestException e) {
                result.completeExceptionally(e);
              }
            });
    return result;
  }

  private PullResult pull(FileTrees trees) throws GuestException, Trouble {
    return puller(trees).pull(offer, WHOLE, new ArchiveNote("entry", "why"), false, Member.LIMIT);
  }

  private static Puller puller(FileTrees trees) {
    return new Puller(trees, ROOMY);
  }
}
