package io.virtquorum.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.agent.TamperedGuest;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest agent lets a program run on when nobody waits for it any more. */
class GivenUpLookTest {
  @TempDir Path directory;
  private final List<Process> left = new ArrayList<>();
  private Member member;

  @BeforeEach
  void open() throws IOException {
    member = new Member(directory.resolve("m"));
  }

  @AfterEach
  void close() {
    left.forEach(process -> process.descendants().forEach(ProcessHandle::destroyForcibly));
    left.forEach(Process::destroyForcibly);
    member.close();
  }

  @Test
  void givenALookThatWasGivenUpThenTheNextOneEndsWhatItLeftRunning() throws Exception {
    member.write("f", "content");
    assertThatThrownBy(() -> trees("# hash.sh", "VQ_SHA256SUM").quick(Member.LIMIT))
        .isInstanceOf(GuestException.TimedOut.class);
    assertThat(left.getFirst().isAlive()).isTrue();

    assertThat(member.quick().matrix().rows()).hasSize(2);

    left.getFirst().waitFor();
    assertThat(left.getFirst().descendants()).isEmpty();
  }

  @Test
  void givenAListingThatWasGivenUpThenTheNextOneEndsIt() throws Exception {
    member.write("f", "content");
    assertThatThrownBy(() -> trees("# scan.sh", "VQ_FIND").quick(Member.LIMIT))
        .isInstanceOf(GuestException.TimedOut.class);

    assertThat(member.quick().matrix().rows()).hasSize(2);

    left.getFirst().waitFor();
  }

  @Test
  void givenALookThatDoesNotEndThenNoOtherIsBegun() throws Exception {
    Path run = Files.createDirectories(member.home.resolve("run"));
    Process stuck =
        new ProcessBuilder(
                "sh", "-c", "trap '' TERM; while :; do sleep 60; done", run + "/tmp.names")
            .start();
    left.add(stuck);
    Files.writeString(run.resolve("look.pid"), stuck.pid() + "\n");

    assertThatThrownBy(() -> member.quick())
        .isInstanceOfSatisfying(
            Trouble.class,
            trouble -> {
              assertThat(trouble.reason()).isEqualTo(Trouble.Reason.SlowLook);
              assertThat("web-2: %s.".formatted(trouble.getMessage()))
                  .matches(Troubleshooting.of("a look that does not end")::matches);
            });
    assertThat(stuck.isAlive()).isTrue();
  }

  @Test
  void givenWhatReadsFilesIsKilledThenTheFilesAreNotTakenForUnreadable() throws Exception {
    member.write("f", "content");
    Path killed = script("#!/bin/sh\nkill -9 $$\n");

    assertThatThrownBy(
            () ->
                trees(
                        (guest, exec) ->
                            guest.run(
                                exec.command().get(2).contains("# hash.sh")
                                    ? with(exec, "VQ_SHA256SUM", killed)
                                    : exec))
                    .quick(Member.LIMIT))
        .isInstanceOfSatisfying(
            Trouble.class,
            trouble -> assertThat(trouble.reason()).isEqualTo(Trouble.Reason.GuestCommandFailed));
  }

  /** The member's trees; in one script one program never ends, and nobody waits for it. */
  private FileTrees trees(String script, String tool) throws IOException {
    Path slow = script("#!/bin/sh\nexec sleep 300\n");
    return trees(
        (guest, exec) -> {
          if (!exec.command().get(2).contains(script)) {
            return guest.run(exec);
          }
          begin(with(exec, tool, slow));
          throw new GuestException.TimedOut("nobody waits");
        });
  }

  private FileTrees trees(TamperedGuest.Tampering tampering) {
    var shell =
        new Shell(
            new TamperedGuest(member.guest, tampering), member.home.resolve("run").toString());
    return new FileTrees(shell, Member.KEY, member.trees, Member.AT_ONCE);
  }

  private static GuestAgent.Exec with(GuestAgent.Exec exec, String tool, Path program) {
    Map<String, String> environment = new HashMap<>(exec.environment());
    environment.put(tool, program.toString());
    return new GuestAgent.Exec(exec.command(), exec.input(), environment, exec.deadline());
  }

  /** Begins a program, and waits until it is at work. */
  private void begin(GuestAgent.Exec exec) {
    try {
      var builder = new ProcessBuilder(exec.command());
      builder.environment().putAll(exec.environment());
      Process process = builder.start();
      process.getOutputStream().write(exec.input());
      process.getOutputStream().close();
      left.add(process);
      org.awaitility.Awaitility.await()
          .until(
              () ->
                  process
                      .descendants()
                      .anyMatch(p -> p.info().command().orElse("").endsWith("sleep")));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private Path script(String text) throws IOException {
    Path file = Files.writeString(directory.resolve("program"), text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
