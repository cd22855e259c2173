package io.virtquorum.sync;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Member;
import io.virtquorum.collect.Shell;
import io.virtquorum.collect.Trouble;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.TamperedGuest;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A guest agent that does not answer when files are to be replaced, and may do so later. */
class GivenUpRepairTest {
  private static final String HERE = "127.0.0.1";

  @TempDir Path directory;
  private Member sample;
  private Member member;
  private SampleServer server;
  private Offer offer;

  @BeforeEach
  void openMembers() throws Exception {
    sample = new Member(directory.resolve("sample")).write("changed", "new");
    member = new Member(directory.resolve("member")).write("changed", "old");
    server = new SampleServer(sample.files().shell(), sample.trees);
    var serving = server.start("1", HERE, HERE, Duration.ofSeconds(300), Member.LIMIT);
    offer = Offer.of(serving, sample.quick().matrix());
  }

  @AfterEach
  void closeMembers() {
    server.close();
    sample.close();
    member.close();
  }

  @Test
  void aRepairThatWasCutOffWhileItWroteShows() throws Exception {
    member.guest.run(givenUp());
    assertThat(member.restart().quick(Member.LIMIT).interrupted()).isTrue();
  }

  @Test
  void aRepairThatTheAgentExecutesAfterItWasGivenUpReplacesNothing() throws Exception {
    Guest.Exec late = givenUp();

    puller(member.restart()).settle(Member.LIMIT);
    Guest.Result result = member.guest.run(late);

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
    Guest.Exec apply = givenUp();
    command.addAll(apply.command().subList(1, apply.command().size()));
    member.sh(
        "printf '#!/bin/sh\\ntouch ../began; sleep 60; exec rsync \"$@\"\\n' >../slow; chmod +x ../slow");
    Map<String, String> environment = new HashMap<>(apply.environment());
    environment.put("VQ_RSYNC", member.home.resolve("slow").toString());
    var slow = new Guest.Exec(command, apply.input(), environment, Duration.ofMinutes(2));
    var result = new CompletableFuture<Guest.Result>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                result.complete(member.guest.run(slow));
              } catch (GuestException e) {
                result.completeExceptionally(e);
              }
            });
    await().until(() -> Files.exists(member.home.resolve("began")));

    puller(member.restart()).settle(Member.LIMIT);

    assertThat(result.get(30, TimeUnit.SECONDS).exit()).isEqualTo(143);
    assertThat(member.path("changed")).hasContent("old");
    assertThat(member.sh("ls -A .virtquorum")).isEqualTo("applying\narchive\n");
    assertThat(pull(member.restart())).isInstanceOf(PullResult.Done.class);
  }

  /** Pulls in such a guest; what it was asked. */
  private Guest.Exec givenUp() {
    var asked = new AtomicReference<Guest.Exec>();
    TamperedGuest.Tampering silent =
        (guest, exec) -> {
          if (exec.command().get(2).contains("# apply.sh")) {
            asked.set(exec);
            throw new GuestException.TimedOut("silent");
          }
          return guest.run(exec);
        };
    var shell =
        new Shell(new TamperedGuest(member.guest, silent), member.home.resolve("run").toString());
    var trees = new FileTrees(shell, Member.KEY, member.trees, Member.AT_ONCE);
    assertThatThrownBy(() -> pull(trees)).isInstanceOf(GuestException.TimedOut.class);
    return asked.get();
  }

  private PullResult pull(FileTrees trees) throws GuestException, Trouble {
    return puller(trees)
        .pull(
            offer,
            new Goal.Whole(new Position(1, 1)),
            new ArchiveNote("entry", "why"),
            false,
            Member.LIMIT);
  }

  private static Puller puller(FileTrees trees) {
    return new Puller(trees, new ArchiveLimits(20, 1L << 30));
  }
}
