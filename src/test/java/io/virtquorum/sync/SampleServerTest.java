package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.collect.Member;
import io.virtquorum.guest.Serving;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real rsync daemon on the loopback. */
class SampleServerTest {
  private static final String HERE = "127.0.0.1";
  private static final Duration LIFE = Duration.ofSeconds(60);

  @TempDir Path directory;
  private Member sample;
  private SampleServer server;

  @BeforeEach
  void openSample() throws Exception {
    sample = new Member(directory.resolve("sample"));
    sample.write("f", "x").write(".virtquorum/memory", "secret");
    server = new SampleServer(sample.files().shell(), sample.trees);
  }

  @AfterEach
  void closeSample() throws Exception {
    server.close();
    sample.close();
  }

  @Test
  void itServesTheTreesWithoutTheOwnDirectoryAndReadOnly() throws Exception {
    Serving serving = server.start("1", HERE, HERE, LIFE, Member.LIMIT);

    assertThat(rsync(serving, "-r URL .").exit()).isZero();
    assertThat(sample.home.resolve("f")).hasContent("x");
    assertThat(sample.home.resolve(".virtquorum")).doesNotExist();
    assertThat(rsync(serving, "-r site/f URL").exit()).isNotZero();
    assertThat(rsync(serving, "-r URL.virtquorum/memory stolen").exit()).isNotZero();
    assertThat(sample.home.resolve("stolen")).doesNotExist();
  }

  @Test
  void anotherAddressIsRefused() throws Exception {
    Serving serving = server.start("1", HERE, "127.0.0.9", LIFE, Member.LIMIT);

    assertThat(rsync(serving, "-r URL .").exit()).isNotZero();
    assertThat(sample.home.resolve("f")).doesNotExist();
  }

  @Test
  void aTreeThatALinkOfAnotherUserLeadsToIsServed() throws Exception {
    sample.sh("cd .. && mv site real && ln -s real site && chown -h 1000:1000 site");
    Serving serving = server.start("1", HERE, HERE, LIFE, Member.LIMIT);

    assertThat(rsync(serving, "-r URL .").exit()).isZero();
  }

  @Test
  void stoppingEndsTheDaemonAndRemovesThePassword() throws Exception {
    Serving serving = server.start("1", HERE, HERE, LIFE, Member.LIMIT);
    Path files = sample.home.resolve("run/serve-1");
    long pid = Long.parseLong(Files.readString(files.resolve("pid")).strip());
    assertThat(alive(pid)).isTrue();

    server.stop("1", Member.LIMIT);
    server.stop("1", Member.LIMIT);

    assertThat(files).doesNotExist();
    assertThat(alive(pid)).isFalse();
    assertThat(rsync(serving, "-r URL .").exit()).isNotZero();
  }

  @Test
  void startingAgainReplacesTheServingAndItsPassword() throws Exception {
    Serving first = server.start("1", HERE, HERE, LIFE, Member.LIMIT);
    Serving second = server.start("1", HERE, HERE, LIFE, Member.LIMIT);

    assertThat(first.password()).isNotEqualTo(second.password());
    assertThat(rsync(first, "-r URL .").exit()).isNotZero();
    assertThat(rsync(second, "-r URL .").exit()).isZero();
  }

  @Test
  void itEndsByItselfAfterItsLifetime() throws Exception {
    server.start("1", HERE, HERE, Duration.ofSeconds(5), Member.LIMIT);
    long pid = Long.parseLong(Files.readString(sample.home.resolve("run/serve-1/pid")).strip());

    Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> !alive(pid));
  }

  @Test
  void aLaterSidecarEndsWhatAnEarlierOneLeft() throws Exception {
    server.start("1", HERE, HERE, LIFE, Member.LIMIT);
    long pid = Long.parseLong(Files.readString(sample.home.resolve("run/serve-1/pid")).strip());

    new SampleServer(sample.restart().shell(), sample.trees).stop("1", Member.LIMIT);

    assertThat(alive(pid)).isFalse();
    assertThat(sample.home.resolve("run/serve-1")).doesNotExist();
  }

  @Test
  void aProcessThatHappensToHaveTheOldNumberIsLeftAlone() throws Exception {
    Path files = Files.createDirectories(sample.home.resolve("run/serve-old"));
    Process stranger = new ProcessBuilder("sleep", "60").start();
    try {
      Files.writeString(files.resolve("pid"), stranger.pid() + "\n");

      server.stop("old", Member.LIMIT);

      assertThat(stranger.isAlive()).isTrue();
      assertThat(files).doesNotExist();
    } finally {
      stranger.destroyForcibly();
    }
  }

  private GuestAgent.Result rsync(Serving serving, String arguments) throws Exception {
    String url = "rsync://virtquorum@" + HERE + ":" + serving.port() + "/site/";
    return sample.guest.run(
        new GuestAgent.Exec(
            java.util.List.of("/bin/sh", "-c", "exec rsync " + arguments.replace("URL", url)),
            new byte[0],
            java.util.Map.of("RSYNC_PASSWORD", serving.password()),
            Member.LIMIT));
  }

  private static boolean alive(long pid) {
    return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
  }
}
