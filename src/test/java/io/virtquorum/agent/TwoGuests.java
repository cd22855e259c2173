package io.virtquorum.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.guest.GuestException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** Two network namespaces of this machine as guests, joined by a virtual cable. Needs root. */
public final class TwoGuests implements AutoCloseable {
  public static final Duration DEADLINE = Duration.ofSeconds(20);
  public static final String LEFT_MAC = "0e:76:71:00:00:0a";
  public static final String RIGHT_MAC = "0e:76:71:00:00:0b";

  private final String left = "vq-test-" + Long.toHexString(ThreadLocalRandom.current().nextLong());
  private final String right = left + "-r";
  private final DirectoryGuest host;

  public TwoGuests(Path directory) throws GuestException {
    host = new DirectoryGuest(directory, "boot");
    assumeTrue(
        host.run(
                GuestAgent.Exec.script(DEADLINE, "command -v ip && test $(id -u) = 0", new byte[0]))
            .ok(),
        "needs root and the package iproute2");
    must("ip", "netns", "add", left);
    must("ip", "netns", "add", right);
    must(
        "ip", "-n", left, "link", "add", "cable", "address", LEFT_MAC, "type", "veth", "peer",
        "name", "far", "address", RIGHT_MAC, "netns", right);
  }

  @Override
  public void close() throws GuestException {
    host.run(GuestAgent.Exec.of(DEADLINE, "ip", "netns", "del", left));
    host.run(GuestAgent.Exec.of(DEADLINE, "ip", "netns", "del", right));
    host.close();
  }

  /** One of them, with variables for its programs, {@code NAME=VALUE}. */
  public GuestAgent left(String... variables) {
    return in(left, variables);
  }

  /** The other. */
  public GuestAgent right() {
    return in(right);
  }

  /** Runs {@code ip} in the first. */
  public void ipLeft(String... words) throws GuestException {
    ip(left, words);
  }

  /** Runs {@code ip} in the second. */
  public void ipRight(String... words) throws GuestException {
    ip(right, words);
  }

  private void ip(String namespace, String... words) throws GuestException {
    var command = new ArrayList<>(List.of("ip", "-n", namespace));
    command.addAll(List.of(words));
    must(command.toArray(String[]::new));
  }

  private void must(String... command) throws GuestException {
    var result = host.run(GuestAgent.Exec.of(DEADLINE, command));
    assertThat(result.exit()).as(new String(result.error(), UTF_8)).isZero();
  }

  private GuestAgent in(String namespace, String... variables) {
    var prefix = new ArrayList<>(List.of("ip", "netns", "exec", namespace, "/usr/bin/env"));
    prefix.addAll(List.of(variables));
    return TamperedGuest.prefixed(host, List.copyOf(prefix));
  }
}
