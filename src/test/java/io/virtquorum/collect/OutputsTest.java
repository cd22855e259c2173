package io.virtquorum.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.agent.TamperedGuest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.guest.CommandFeature;
import io.virtquorum.guest.Trouble;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands and facts on this machine's own shell, as root. */
class OutputsTest {
  @TempDir Path directory;
  private Member member;
  private final List<String> ran = new ArrayList<>();
  private long nanos = -5;
  private long takes;

  @BeforeEach
  void openMember() throws Exception {
    member = new Member(directory.resolve("a"));
  }

  @AfterEach
  void closeMember() throws Exception {
    assertThat(member.sh("ls -A ../run 2>/dev/null || :"))
        .as("left in the run directory")
        .isEmpty();
    member.close();
  }

  @Test
  void equalOutputsHaveOneFingerprintAndOthersAnother() throws Exception {
    member.write("one", "a\n").write("same", "a\n").write("two", "a");
    var one = see("cat", member.path("one").toString());
    var same = see("cat", member.path("same").toString());
    var two = see("cat", member.path("two").toString());

    assertThat(one).isEqualTo(same).isNotEqualTo(two);
    assertThat(one.kind()).isEqualTo(Output.Kind.COMPARED);
    assertThat(one.words()).isEmpty();
  }

  @Test
  void anOutputThatCanBeAppliedIsRepairable() throws Exception {
    var feature = new CommandFeature("f", List.of("true"), List.of("cat"));

    assertThat(outputs(List.of(feature), List.of()).look(false).get("f").kind())
        .isEqualTo(Output.Kind.REPAIRABLE);
  }

  @Test
  void nothingIsAnOutputAsWell() throws Exception {
    assertThat(see("true")).isEqualTo(see("printf", "")).isNotEqualTo(see("echo"));
    assertThat(see("true").kind()).isEqualTo(Output.Kind.COMPARED);
  }

  @Test
  void whatACommandSaysOnStandardErrorIsNoOutput() throws Exception {
    assertThat(see("sh", "-c", "echo noise >&2; echo out")).isEqualTo(see("echo", "out"));
  }

  @Test
  void outputsMayHoldAnyBytes() throws Exception {
    var bytes = see("printf", "\\377\\376\\000\\001x");

    assertThat(bytes.kind()).isEqualTo(Output.Kind.COMPARED);
    assertThat(bytes).isEqualTo(see("sh", "-c", "printf '\\377\\376\\000\\001x'"));
    assertThat(bytes).isNotEqualTo(see("printf", "\\377\\376\\000\\002x"));
    assertThat(bytes).isNotEqualTo(see("printf", "\\377\\376\\001x"));
  }

  @Test
  void aCommandThatFailsIsToldInItsOwnWords() throws Exception {
    var failed = see("sh", "-c", "echo useless; printf 'no \\033[1m\\nluck' >&2; exit 3");

    assertThat(failed.kind()).isEqualTo(Output.Kind.FAILED);
    assertThat(failed.words()).isEqualTo("it ended with exit code 3: no  [1m luck");
    assertThat(see("false").words()).isEqualTo("it ended with exit code 1");
  }

  @Test
  void aProgramThatIsMissingIsNamed() throws Exception {
    var missing = see("no-such-program", "-x");

    assertThat(missing.kind()).isEqualTo(Output.Kind.FAILED);
    assertThat(missing.words()).contains("exit code 127").contains("no-such-program");
  }

  @Test
  void aCommandThatHangsIsEnded() throws Exception {
    var hangs = see("sh", "-c", "echo begun; exec sleep 987");

    assertThat(hangs.kind()).isEqualTo(Output.Kind.FAILED);
    assertThat(hangs.words()).isEqualTo("it did not end within 10 s");
    assertThat(member.sh("pgrep -fx 'sleep 987' || :")).isEmpty();
  }

  @Test
  void aCommandThatLeavesAProgramBehindDoesNotHoldUpTheSidecar() throws Exception {
    var left = see("sh", "-c", "sleep 986 & echo $! > \"$0\"", member.path("pid").toString());

    assertThat(left.words()).isEqualTo("it left a program running that holds its output open");
    member.sh("kill $(cat pid)");
  }

  @Test
  void aCommandOfAnEarlierSidecarDoesNotSpoilWhatThisOneIsTold() throws Exception {
    String wait = "cd \"$0\"; touch %s; until [ -e %s ]; do sleep 0.02; done; echo %1$s";
    String place = member.path("").toString();
    var earlier =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return see("sh", "-c", wait.formatted("begun", "later"), place);
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    await().until(() -> Files.exists(member.path("begun")));
    var ended = earlier.thenRun(() -> touch(member.path("ended")));

    var later = see("sh", "-c", wait.formatted("later", "ended"), place);

    assertThat(later).isEqualTo(see("echo", "later"));
    ended.join();
  }

  private static void touch(Path file) {
    try {
      Files.createFile(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aCommandThatSaysTooMuchIsEnded() throws Exception {
    var most = see("head", "-c", Integer.toString(Outputs.MOST), "/dev/zero");
    assertThat(most.kind()).isEqualTo(Output.Kind.COMPARED);

    for (String program : List.of("yes", "trap '' PIPE; yes 2>/dev/null")) {
      var tooMuch = see("sh", "-c", program);
      assertThat(tooMuch.kind()).isEqualTo(Output.Kind.FAILED);
      assertThat(tooMuch.words()).isEqualTo("it says more than 4194304 bytes");
    }
  }

  @Test
  void whatACommandWritesHasTheUsualMode() throws Exception {
    see("touch", member.path("made").toString());

    assertThat(member.sh("stat -c %a made")).isEqualTo("644\n");
  }

  @Test
  void aCommandThatNobodyKnowsIsTrouble() {
    assertThatThrownBy(() -> outputs(List.of(), List.of()).command("x"))
        .isInstanceOf(Trouble.class)
        .hasMessage("This member knows no command named x");
  }

  @Test
  void factsAreToldInWords() throws Exception {
    var facts = facts(Map.of());

    assertThat(facts).containsOnlyKeys("timezone", "os", "kernel");
    assertThat(facts.get("kernel").words()).isEqualTo(member.sh("uname -r").strip());
    assertThat(facts.get("os").words())
        .isEqualTo(member.sh(". /etc/os-release; echo \"$PRETTY_NAME\"").strip());
    assertThat(facts.get("timezone").words()).isNotBlank().isNotEqualTo("unknown");
    assertThat(facts.values()).extracting(Output::kind).containsOnly(Output.Kind.COMPARED);
  }

  @Test
  void factsComeFromWhateverTheGuestHas() throws Exception {
    Path etc = Files.createDirectories(directory.resolve("etc"));
    Path release = etc.resolve("os-release");
    Path zone = etc.resolve("timezone");
    Path local = etc.resolve("localtime");
    var paths =
        Map.of(
            "/etc/os-release", release.toString(),
            "/etc/timezone", zone.toString(),
            "/etc/localtime", local.toString());

    assertThat(facts(paths).get("os").words()).isEqualTo("unknown");
    assertThat(facts(paths).get("timezone").words()).isEqualTo(member.sh("date +%Z").strip());

    Files.writeString(release, "NAME=x\nPRETTY_NAME='Größe = 1'\nID=x\n");
    Files.writeString(zone, "Europe/Berlin\n");
    assertThat(facts(paths).get("os").words()).isEqualTo("Größe = 1");
    assertThat(facts(paths).get("timezone").words()).isEqualTo("Europe/Berlin");

    Files.writeString(release, "PRETTY_NAME=\"Plain 1 (x)\""); // no end of the line
    assertThat(facts(paths).get("os").words()).isEqualTo("Plain 1 (x)");
    Path zones = Files.createDirectories(etc.resolve("zoneinfo/Asia"));
    Files.createSymbolicLink(local, Files.createFile(zones.resolve("Tokyo")));
    assertThat(facts(paths).get("timezone").words()).isEqualTo("Asia/Tokyo");
    assertThat(facts(paths).get("timezone")).isEqualTo(facts(paths).get("timezone"));
  }

  @Test
  void nothingIsLookedAtAgainBeforeItIsDueUnlessAllIs() throws Exception {
    Outputs outputs = counted(1);

    outputs.look(false);
    outputs.look(false);
    assertThat(ran).hasSize(1);
    after(Duration.ofSeconds(19));
    outputs.look(false);
    assertThat(ran).hasSize(1);
    after(Duration.ofSeconds(1));
    assertThat(outputs.look(false)).containsOnlyKeys("c0");
    assertThat(ran).hasSize(2);
    outputs.look(true);
    assertThat(ran).hasSize(3);
  }

  @Test
  void whatWasAskedForMeanwhileIsWhatWasLastSeen() throws Exception {
    member.write("f", "one");
    var feature =
        new CommandFeature("f", List.of("cat", member.path("f").toString()), List.of("cat"));
    Outputs outputs = outputs(List.of(feature), List.of());
    outputs.look(false);
    member.write("f", "two");

    byte[] said = outputs.say(feature);

    assertThat(outputs.look(false).get("f").digest()).isEqualTo(outputs.digest(feature, said));
    member.sh("rm f");
    assertThatThrownBy(() -> outputs.say(feature)).isInstanceOf(Trouble.class);
    assertThat(outputs.look(false).get("f").kind()).isEqualTo(Output.Kind.FAILED);
  }

  @Test
  void slowCommandsTakeNoMoreThanATenthOfTheTimeAndAllHaveTheirTurn() throws Exception {
    Outputs outputs = counted(8);
    takes = Duration.ofSeconds(4).toNanos();
    long begin = nanos;
    long longest = 0;

    while (nanos - begin < Duration.ofHours(1).toNanos()) {
      long before = nanos;
      outputs.look(false);
      longest = Math.max(longest, nanos - before);
      after(Duration.ofSeconds(2));
    }

    assertThat(ran.size() * takes).isBetween(hours(0.08), hours(0.1) + takes);
    assertThat(longest).isEqualTo(takes);
    Map<String, Integer> turns = new TreeMap<>();
    ran.forEach(name -> turns.merge(name, 1, Integer::sum));
    assertThat(turns).hasSize(8);
    assertThat(turns.values()).allSatisfy(n -> assertThat(n).isBetween(10, 12));
  }

  private static long hours(double number) {
    return (long) (number * Duration.ofHours(1).toNanos());
  }

  private void after(Duration time) {
    nanos += time.toNanos();
  }

  /** Commands that only count, on a clock of this test. */
  private Outputs counted(int commands) {
    var guest =
        new TamperedGuest(
            member.guest,
            (real, exec) -> {
              if (exec.command().getLast().startsWith("c")) {
                ran.add(exec.command().getLast());
                nanos += takes;
              }
              return real.run(exec);
            });
    var shell = new Shell(guest, member.home.resolve("run").toString(), () -> nanos, new Random(1));
    List<CommandFeature> features = new ArrayList<>();
    for (int i = 0; i < commands; i++) {
      features.add(new CommandFeature("c" + i, List.of("echo", "c" + i), List.of()));
    }
    return new Outputs(shell, Member.KEY, features, List.of());
  }

  private Outputs outputs(List<CommandFeature> commands, List<String> facts) {
    return new Outputs(member.restart().shell(), Member.KEY, commands, facts);
  }

  private Output see(String... command) throws Exception {
    var feature = new CommandFeature("f", List.of(command), List.of());
    return outputs(List.of(feature), List.of()).look(false).get("f");
  }

  /** The facts of a guest whose files lie elsewhere. */
  private Map<String, Output> facts(Map<String, String> paths) throws Exception {
    var guest =
        new TamperedGuest(
            member.guest,
            (real, exec) -> {
              List<String> command = new ArrayList<>();
              for (String word : exec.command()) {
                String changed = word;
                for (var path : paths.entrySet()) {
                  changed = changed.replace(path.getKey(), path.getValue());
                }
                command.add(changed);
              }
              return real.run(
                  new GuestAgent.Exec(command, exec.input(), exec.environment(), exec.deadline()));
            });
    var shell = new Shell(guest, member.home.resolve("run").toString());
    return new Outputs(shell, Member.KEY, List.of(), List.of("timezone", "os", "kernel"))
        .look(false);
  }
}
