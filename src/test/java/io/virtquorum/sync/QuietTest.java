package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.collect.Member;
import io.virtquorum.collect.Tree;
import io.virtquorum.collect.Trouble;
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
    quiet.begin(Duration.ofSeconds(1), Member.LIMIT);
    quiet.begin(MINUTE, Member.LIMIT);
    Awaitility.await()
        .during(Duration.ofSeconds(3))
        .atMost(Duration.ofSeconds(5))
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
    String fails = "echo \"$1\" >> '%s'; [ \"$1\" = end ]".formatted(log("z"));
    Tree failing =
        new Tree(
            "z",
            member.home.resolve("z").toString(),
            List.of(),
            List.of(),
            List.of("/bin/sh", "-c", fails, "quiesce"));
    member = new Member(directory.resolve("member"), List.of(failing));
    quiet = new Quiet(member.files().shell(), List.of(failing));
    assertThatThrownBy(() -> quiet.begin(MINUTE, Member.LIMIT)).isInstanceOf(Trouble.class);
    assertThat(said("z")).containsExactly("begin", "end");
    quiet.end(Member.LIMIT);
    assertThat(said("z")).containsExactly("begin", "end");
  }

  private Tree tree(String name) {
    Path home = directory.resolve("member");
    String write = "echo \"$1\" >> '%s'".formatted(log(name));
    return new Tree(
        name,
        home.resolve(name).toString(),
        List.of(),
        List.of(),
        List.of("/bin/sh", "-c", write, "quiesce"));
  }

  private Path log(String name) {
    return directory.resolve(name + ".log");
  }

  private List<String> said(String name) throws Exception {
    return Files.readAllLines(log(name));
  }
}
