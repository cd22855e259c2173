package io.virtquorum.guest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.guest.SyncInterface.Outcome;
import io.virtquorum.guest.SyncInterface.Reach;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With two network namespaces of this machine as guests, joined by a virtual cable. */
class SyncInterfaceTest {
  private static final Duration DEADLINE = Duration.ofSeconds(20);
  private static final String LEFT_MAC = "02:76:71:00:00:0a";
  private static final String RIGHT_MAC = "02:76:71:00:00:0b";

  private static final String PING = "command -v ping || busybox --list | grep -x ping";

  @TempDir Path directory;
  private final String left = "vq-test-" + Long.toHexString(ThreadLocalRandom.current().nextLong());
  private final String right = left + "-r";
  private DirectoryGuest host;

  @BeforeEach
  void joinTwoNamespaces() throws Exception {
    host = new DirectoryGuest(directory, "boot");
    assumeTrue(
        host.run(Guest.Exec.script(DEADLINE, "command -v ip && test $(id -u) = 0", new byte[0]))
            .ok(),
        "needs root and the package iproute2");
    assertThat(host.run(Guest.Exec.script(DEADLINE, PING, new byte[0])).ok())
        .as("This test needs the Debian package iputils-ping or busybox-static")
        .isTrue();
    must("ip", "netns", "add", left);
    must("ip", "netns", "add", right);
    must(
        "ip", "-n", left, "link", "add", "cable", "address", LEFT_MAC, "type", "veth", "peer",
        "name", "far", "address", RIGHT_MAC, "netns", right);
  }

  @AfterEach
  void removeNamespaces() throws Exception {
    host.run(Guest.Exec.of(DEADLINE, "ip", "netns", "del", left));
    host.run(Guest.Exec.of(DEADLINE, "ip", "netns", "del", right));
    host.close();
  }

  @Test
  void anAddressIsSetOnceAndThenFoundToBeThere() throws Exception {
    var nic = new SyncInterface(in(left), LEFT_MAC.toUpperCase(java.util.Locale.ROOT));

    assertThat(nic.set("172.31.77.11/24", DEADLINE)).isEqualTo(new Outcome.Done("cable"));
    assertThat(nic.set("172.31.77.11/24", DEADLINE)).isEqualTo(new Outcome.Already("cable"));
  }

  @Test
  void anInterfaceThatWentDownIsBroughtUpAgain() throws Exception {
    var nic = new SyncInterface(in(left), LEFT_MAC);
    nic.set("172.31.77.11/24", DEADLINE);
    must("ip", "-n", left, "link", "set", "cable", "down");

    assertThat(nic.set("172.31.77.11/24", DEADLINE)).isInstanceOf(Outcome.Done.class);
    assertThat(nic.set("172.31.77.11/24", DEADLINE)).isInstanceOf(Outcome.Already.class);
  }

  @Test
  void anUnknownMacIsAbsent() throws Exception {
    var nic = new SyncInterface(in(left), "02:00:00:00:00:01");

    assertThat(nic.set("172.31.77.11/24", DEADLINE))
        .isEqualTo(new Outcome.Absent("02:00:00:00:00:01"));
    assertThat(nic.reach("172.31.77.12", DEADLINE)).isEqualTo(Reach.UNKNOWN);
  }

  @Test
  void aWrongAddressFailsWithTheToolsWords() throws Exception {
    var nic = new SyncInterface(in(left), LEFT_MAC);

    assertThat(nic.set("not-an-address", DEADLINE))
        .isInstanceOfSatisfying(
            Outcome.Failed.class,
            failed -> assertThat(failed.message()).contains("not-an-address"));
  }

  @Test
  void aPeerAnswersUntilItsLinkGoesDown() throws Exception {
    var here = new SyncInterface(in(left), LEFT_MAC);
    var there = new SyncInterface(in(right), RIGHT_MAC);
    here.set("172.31.77.11/24", DEADLINE);
    there.set("172.31.77.12/24", DEADLINE);

    assertThat(here.reach("172.31.77.12", DEADLINE)).isEqualTo(Reach.ANSWERS);

    must("ip", "-n", right, "link", "set", "far", "down");
    assertThat(here.reach("172.31.77.12", DEADLINE)).isEqualTo(Reach.SILENT);
  }

  @Test
  void aGuestWithoutIpSaysSo() throws Exception {
    var nic = new SyncInterface(in(left, "PATH=/nowhere"), LEFT_MAC);

    assertThat(nic.set("172.31.77.11/24", DEADLINE)).isEqualTo(new Outcome.NoTool());
  }

  private void must(String... command) throws GuestException {
    var result = host.run(Guest.Exec.of(DEADLINE, command));
    assertThat(result.exit()).as(new String(result.error(), UTF_8)).isZero();
  }

  /** This machine, seen from inside a network namespace. */
  private Guest in(String namespace, String... variables) {
    var prefix = new ArrayList<>(List.of("ip", "netns", "exec", namespace, "/usr/bin/env"));
    prefix.addAll(List.of(variables));
    return new PrefixedGuest(host, List.copyOf(prefix));
  }

  private record PrefixedGuest(Guest inner, List<String> prefix) implements Guest {
    @Override
    public Result run(Exec exec) throws GuestException {
      var command = new ArrayList<>(prefix);
      command.addAll(exec.command());
      return inner.run(
          new Exec(List.copyOf(command), exec.input(), exec.environment(), exec.deadline()));
    }

    @Override
    public byte[] read(String path, int limit, Duration deadline) throws GuestException {
      return inner.read(path, limit, deadline);
    }

    @Override
    public void write(String path, byte[] content, Duration deadline) throws GuestException {
      inner.write(path, content, deadline);
    }

    @Override
    public String bootId(Duration deadline) throws GuestException {
      return inner.bootId(deadline);
    }

    @Override
    public Presence presence() {
      return inner.presence();
    }

    @Override
    public void close() {}
  }
}
