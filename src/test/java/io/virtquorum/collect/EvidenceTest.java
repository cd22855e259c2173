package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.virtquorum.agent.DirectoryGuest;
import io.virtquorum.guest.Evidence;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvidenceTest {
  private static final Duration DEADLINE = Duration.ofSeconds(20);

  // Captured from kernel 6.1 on x86-64: a listener, users, a probe, an ssh connection.
  private static final String LISTENER =
      "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 0 646 1\n";
  private static final String USER =
      "   1: 0202000A:0050 07B2A8C0:D431 01 00000000:00000000 00:00000000 00000000     0 0 650 1\n";
  private static final String PROBE =
      "   2: 0202000A:0050 0102000A:D432 06 00000000:00000000 03:00000CBF 00000000     0 0 0 3\n";
  private static final String SSH =
      "   3: 0202000A:0016 07B2A8C0:D433 01 00000000:00000000 02:00000CBF 00000000     0 0 660 4\n";
  private static final String LOOPBACK =
      "   4: 0100007F:0050 0100007F:D434 01 00000000:00000000 00:00000000 00000000     0 0 661 1\n";
  private static final String MAPPED =
      "   5: 0000000000000000FFFF00000202000A:0050 0000000000000000FFFF000007B2A8C0:D435 06 0:0 0\n";
  private static final String SIX =
      "   6: 000080FE000000000000000001000000:0050 B80D0120000000000000000002000000:D436 01 0:0 0\n";
  private static final String HALF_OPEN =
      "   7: 0202000A:0050 07B2A8C0:D437 03 00000000:00000000 00:00000000 00000000     0 0 0 1\n";

  @TempDir Path directory;

  @Test
  void usersOnAccessPortsCountWhetherIpv4MappedOrIpv6() {
    var evidence = look(reader(), LISTENER + USER + MAPPED + SIX, 7, "", "");

    assertThat(evidence.connections()).isEqualTo(3);
    assertThat(evidence.sessions()).isZero();
    assertThat(evidence.who())
        .containsExactlyInAnyOrder("192.168.178.7 on port 80", "2001:db8:0:0:0:0:0:2 on port 80");
  }

  @Test
  void probesLoopbackListenersAndHalfOpenConnectionsAreNobody() {
    var evidence = look(reader(), LISTENER + PROBE + LOOPBACK + HALF_OPEN, 7, "", "");

    assertThat(evidence.connections()).isZero();
    assertThat(evidence.who()).isEmpty();
    assertThat(evidence.usedSince(look(reader(), LISTENER, 7, "", ""))).isFalse();
  }

  @Test
  void aLoginIsASessionAndSoIsATerminalThatTheRecordsDoNotKnow() {
    var evidence =
        look(
            reader(),
            LISTENER,
            7,
            "root     pts/0        2026-11-22 18:44 (192.168.178.7)\n",
            "/dev/pts/0 1795218990 1795218880\n/dev/pts/1 1795218890 1795218890\n");

    assertThat(evidence.sessions()).isEqualTo(2);
    assertThat(evidence.lastInput()).isEqualTo(1795218990);
    assertThat(evidence.who())
        .containsExactly("root pts/0 2026-11-22 18:44 (192.168.178.7)", "terminal pts/1");
  }

  @Test
  void anSshConnectionWithoutATerminalIsASession() {
    var evidence = look(reader(), LISTENER + SSH, 7, "", "");

    assertThat(evidence.sessions()).isEqualTo(1);
    assertThat(evidence.connections()).isZero();
    assertThat(evidence.who()).containsExactly("192.168.178.7 on port 22");
  }

  @Test
  void inputAtAConsoleBetweenTwoLooksIsUseAndABootIsNot() {
    var reader = reader();
    var before = look(reader, LISTENER, 7, "", "/dev/ttyS0 100 100\n");
    var booted = look(reader, LISTENER, 7, "", "/dev/ttyS0 900 900\n");
    var typed = look(reader, LISTENER, 7, "", "/dev/ttyS0 916 900\n");

    assertThat(booted.usedSince(before)).isFalse();
    assertThat(typed.usedSince(booted)).isTrue();
  }

  @Test
  void aConnectionThatCameAndWentBetweenTwoLooksIsUse() {
    var reader = reader();
    var before = look(reader, LISTENER, 7, "", "");
    var after = look(reader, LISTENER, 8, "", "");

    assertThat(after.usedSince(before)).isTrue();
    assertThat(look(reader, LISTENER, 8, "", "").usedSince(after)).isFalse();
  }

  @Test
  void acceptedConnectionsSayNothingWhereNobodyListensOnAnAccessPort() {
    var reader = reader();
    var before = look(reader, "", 7, "", "");

    assertThat(look(reader, "", 9, "", "").usedSince(before)).isFalse();
  }

  @Test
  void acceptedConnectionsThatAreInSightAreNotCountedTwice() {
    var reader = reader();
    var before = look(reader, LISTENER, 7, "", "");
    var during = look(reader, LISTENER + USER, 8, "", "");

    assertThat(during.usedSince(before)).isTrue();
    assertThat(look(reader, LISTENER, 8, "", "").usedSince(before)).isFalse();
  }

  @Test
  void acceptedConnectionsSayNothingOnceAProbeWasSeen() {
    var reader = reader();
    var before = look(reader, LISTENER + PROBE, 7, "", "");

    assertThat(look(reader, LISTENER, 9, "", "").usedSince(before)).isFalse();
  }

  @Test
  void virtQuorumsOwnConnectionsCanBeTakenOutOnce() {
    var reader = reader();
    var before = look(reader, LISTENER, 7, "", "");

    reader.disregardOpens();
    var after = look(reader, LISTENER, 12, "", "");

    assertThat(after.usedSince(before)).isFalse();
    assertThat(look(reader, LISTENER, 13, "", "").usedSince(after)).isTrue();
  }

  @Test
  void aRebootStartsTheCountAnew() {
    var reader = reader();
    var before = look(reader, LISTENER, 500, "", "");
    var booted = look(reader, LISTENER, 0, "", "");

    assertThat(booted.usedSince(before)).isFalse();
    assertThat(look(reader, LISTENER, 1, "", "").usedSince(booted)).isTrue();
  }

  @Test
  void aRealConnectionIsSeenAndAShortOneBetweenTwoLooksToo() throws Exception {
    var own = ownAddress();
    assumeTrue(own.isPresent(), "needs an IPv4 address that is not loopback");
    try (var guest = new DirectoryGuest(directory, "boot");
        var server = new ServerSocket(0, 5, own.get())) {
      var ports = List.of(server.getLocalPort());
      var reader = new EvidenceReader(guest, ports, Set.of());
      var before = reader.read(DEADLINE);
      assertThat(before.connections()).isZero();

      var client = new Socket(own.get(), server.getLocalPort());
      try (var accepted = server.accept()) {
        assertThat(reader.read(DEADLINE).connections()).isEqualTo(1);
        var blind = new EvidenceReader(guest, ports, Set.of(own.get().getHostAddress()));
        assertThat(blind.read(DEADLINE).connections()).isZero();
        client.close(); // first, so that the server keeps no trace of it
        assertThat(accepted.getInputStream().read()).isEqualTo(-1);
      }
      Awaitility.await().until(() -> reader.read(DEADLINE).connections() == 0);
      var quiet = reader.read(DEADLINE);

      client = new Socket(own.get(), server.getLocalPort());
      try (var accepted = server.accept()) {
        client.close();
        assertThat(accepted.getInputStream().read()).isEqualTo(-1);
      }

      Awaitility.await().until(() -> reader.read(DEADLINE).connections() == 0);
      assertThat(reader.read(DEADLINE).passiveOpens()).isGreaterThan(quiet.passiveOpens());
    }
  }

  private EvidenceReader reader() {
    return new EvidenceReader(
        new DirectoryGuest(directory, "boot"), List.of(80), Set.of("10.0.2.1"));
  }

  private static Evidence look(
      EvidenceReader reader, String tcp, long opens, String who, String terminals) {
    String output =
        "#tcp\n"
            + tcp
            + "#snmp\nTcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens\nTcp: 1 200"
            + " 120000 -1 461 "
            + opens
            + "\n#who\n"
            + who
            + "#terminals\n"
            + terminals;
    return reader.take(EvidenceText.parse(output.getBytes(UTF_8)));
  }

  private static Optional<InetAddress> ownAddress() throws Exception {
    return NetworkInterface.networkInterfaces()
        .flatMap(NetworkInterface::inetAddresses)
        .filter(address -> address instanceof Inet4Address && !address.isLoopbackAddress())
        .findFirst();
  }
}
