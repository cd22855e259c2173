package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.collect.Member;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real commands in a real shell, which write down what they were asked for. */
class QuietTest {
  private static final Duration MINUTE = Duration.ofSeconds(60);

  @TempDir Path directory;
  private Member member;
  private Quiet quiet;

  @BeforeEach
  void open() throws Exception {
    member = new Member(directory.resolve("member"), List.of(tree("a"), tree("b")));
    quiet = new Quiet(member.files().shell(), member.trees);
  }

  @AfterEach
  void close() throws Exception {
    quiet.end(Member.LIMIT); // no guard outlives the test
    member.close();
  }

  @Test
  void writersAreKeptStillOnceAndLetGoOnOnce() throws Exception {
    quiet.begin(MINUTE, Member.LIMIT);
    assertThat(said("a")).containsExactly("begin");
    assertThat(said("b")).containsExactly("begin");
    quiet.end(Member.LIMIT);
    quiet.end(Member.LIMIT);
    assertThat(said("a")).containsExactly("begin", "end");
  }

  @Test
  void whoIsNotKeptStillIsNotToldToGoOn() throws Exception {
    quiet.end(Member.LIMIT);
    assertThat(log("a")).doesNotExist();
  }

  @Test
  void theGuestItselfLetsThemGoOnWhenTheTimeIsOver() throws Exception {
    quiet.begin(Duration.ofSeconds(1), Member.LIMIT);
    Awaitility.await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said("b")).containsExactly("begin", "end"));
    quiet.end(Member.LIMIT);
    assertThat(said("b")).containsExactly("begin", "end");
  }

  @Test
  void askedAgainTheyAreKeptStillLonger() throws Exception {
    quiet.begin(Duration.ofSeconds(5), Member.LIMIT);
    quiet.begin(MINUTE, Member.LIMIT);
    Awaitility.await()
        .during(Duration.ofSeconds(6)) // longer than the first time
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(said("a")).containsExactly("begin", "begin"));
  }

  @Test
  void aCommandThatFailsIsReportedAndTheOthersGoOn() throws Exception {
    member.close();
    Tree failing =
        new Tree("z", member.home.resolve("z").toString(), List.of(), List.of(), List.of("false"));
    member = new Member(directory.resolve("member"), List.of(tree("a"), failing));
    quiet = new Quiet(member.files().shell(), List.of(tree("a"), failing));
    assertThatThrownBy(() -> quiet.begin(MINUTE, Member.LIMIT))
        .isInstanceOf(Trouble.class)
        .hasMessageContaining("The quiesce command of z (begin) ended with exit code 1");
    assertThat(said("a")).containsExactly("begin", "end");
    quiet = new Quiet(member.files().shell(), List.of(tree("a")));
  }

  @Test
  void whatACommandDidBeforeItFailedIsUndone() throws Exception {
    member.close();
    Tree failing = tree("z", "echo \"$1\" >> '%s'; [ \"$1\" = end ]".formatted(log("z")));
    member = new Member(directory.resolve("member"), List.of(failing));
    quiet = new Quiet(member.files().shell(), List.of(failing));
    assertThatThrownBy(() -> quiet.begin(MINUTE, Member.LIMIT)).isInstanceOf(Trouble.class);
    assertThat(said("z")).containsExactly("begin", "end");
    quiet.end(Member.LIMIT);
    assertThat(said("z")).containsExactly("begin", "end");
  }

  @Test
  void anEndThatFailsIsReportedAndRunAgainByTheNextOne() throws Exception {
    quiet = quiet(until("good", "echo \"no: $1\"; exit 3"), tree("a"));
    quiet.begin(MINUTE, Member.LIMIT);
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> quiet.end(Member.LIMIT))
          .isInstanceOf(Trouble.class)
          .hasMessageContaining("The quiesce command of z (end) ended with exit code 3: no: end");
    }
    assertThat(said("a")).as("the others go on").containsExactly("begin", "end");
    Files.createFile(directory.resolve("good"));
    quiet.end(Member.LIMIT);
    quiet.end(Member.LIMIT);
    assertThat(said("z")).containsExactly("begin", "end", "end", "end");
  }

  @Test
  void theGuestItselfTriesUntilTheyGoOn() throws Exception {
    quiet = quiet(until("good", "[ $(wc -l < '%s') -gt 3 ]".formatted(log("z"))));
    quiet.begin(Duration.ofSeconds(1), Member.LIMIT);
    Awaitility.await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(said("z")).containsExactly("begin", "end", "end", "end"));
    Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> Files.notExists(guard("z")));
  }

  @Test
  void whatABeginAndItsEndFailedToDoTheGuestGoesOnTrying() throws Exception {
    quiet = quiet(until("good", "[ $(wc -l < '%s') -gt 3 ]".formatted(log("z")), "exit 1"));
    assertThatThrownBy(() -> quiet.begin(MINUTE, Member.LIMIT))
        .isInstanceOf(Trouble.class)
        .hasMessageContaining("(begin) ended with exit code 1");
    Awaitility.await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> Files.notExists(guard("z")) && said("z").getLast().equals("end"));
  }

  @Test
  void anEndThatHangsIsCutOffAndRunAgainOneAtATime() throws Exception {
    Path works = directory.resolve("works");
    String hang =
        "mkdir '%1$s' || echo both >> '%2$s'; trap 'rmdir \"%1$s\"; exit 1' TERM; sleep 60 & wait"
            .formatted(works, log("z"));
    quiet = quiet(until("good", hang));
    quiet.begin(Duration.ofSeconds(1), Member.LIMIT);
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> quiet.end(Member.LIMIT))
          .isInstanceOf(Trouble.class)
          .hasMessageContaining("(end) ended with exit code 124");
    }
    Files.createFile(directory.resolve("good"));
    quiet.end(Member.LIMIT);
    assertThat(said("z")).startsWith("begin", "end", "end", "end").doesNotContain("both");
    assertThat(guard("z")).doesNotExist();
  }

  @Test
  void anEndThatComesDuringABeginWaitsForIt() throws Exception {
    String slow = "touch '%s/begun'; sleep 1; echo begun >> '%s'".formatted(directory, log("z"));
    quiet = quiet(until("good", ":", slow));
    var other = new Quiet(member.restart().shell(), member.trees);
    Thread begins =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    other.begin(MINUTE, Member.LIMIT);
                  } catch (GuestException | Trouble e) {
                    throw new IllegalStateException(e);
                  }
                });
    Awaitility.await().until(() -> Files.exists(directory.resolve("begun")));
    quiet.end(Member.LIMIT);
    begins.join();
    assertThat(said("z")).containsExactly("begin", "begun", "end");
    assertThat(guard("z")).doesNotExist();
  }

  @Test
  void othersMayReadWhatTheCommandMakes() throws Exception {
    quiet = quiet(tree("z", "umask >> '%s'".formatted(log("z"))));
    quiet.begin(MINUTE, Member.LIMIT);
    quiet.end(Member.LIMIT);
    quiet.begin(Duration.ofSeconds(1), Member.LIMIT);
    Awaitility.await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said("z")).hasSize(4).containsOnly("0022"));
  }

  /** With commands that may take a second each. */
  private Quiet quiet(Tree... trees) throws Exception {
    member.close();
    member = new Member(directory.resolve("member"), List.of(trees));
    return new Quiet(member.files().shell(), member.trees, Duration.ofSeconds(1));
  }

  /** Its command does something else with end, until a file is there. */
  private Tree until(String file, String end) {
    return until(file, end, ":");
  }

  private Tree until(String file, String end, String begin) {
    String write =
        "echo \"$1\" >> '%s'; if [ \"$1\" = begin ]; then %s; elif [ ! -e '%s' ]; then %s; fi"
            .formatted(log("z"), begin, directory.resolve(file), end);
    return tree("z", write);
  }

  private Path guard(String name) {
    return member.home.resolve("run/quiesce-" + name);
  }

  private Tree tree(String name) {
    return tree(name, "echo \"$1\" >> '%s'".formatted(log(name)));
  }

  private Tree tree(String name, String command) {
    Path home = directory.resolve("member");
    return new Tree(
        name,
        home.resolve(name).toString(),
        List.of(),
        List.of(),
        List.of("/bin/sh", "-c", command, "quiesce"));
  }

  private Path log(String name) {
    return directory.resolve(name + ".log");
  }

  private List<String> said(String name) throws Exception {
    return Files.readAllLines(log(name));
  }
}
