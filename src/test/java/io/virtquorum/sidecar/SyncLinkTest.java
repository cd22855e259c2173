package io.virtquorum.sidecar;

import static io.virtquorum.agent.TwoGuests.LEFT_MAC;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.agent.TamperedGuest;
import io.virtquorum.agent.TwoGuests;
import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.scripts.ScriptGuests;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.Peer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a member says of its place on the sync network, in network namespaces of this machine. */
class SyncLinkTest {
  private static final Configure CONFIGURE =
      Configure.newBuilder()
          .setSyncMac(LEFT_MAC)
          .setSyncAddress("172.31.77.11/24")
          .addPeers(Peer.newBuilder().setMember("web-1").setAddress("172.31.77.12"))
          .build();

  @TempDir Path directory;
  @AutoClose private TwoGuests guests;

  @BeforeEach
  void joinTwoGuests() throws Exception {
    guests = new TwoGuests(directory);
  }

  @Test
  void givenAGuestThatLacksNothingThenNothingAilsIt() throws Exception {
    assertThat(look(CONFIGURE, guests.left())).isEqualTo(HealthContent.GOOD);
  }

  @Test
  void givenNoNicThenItSaysSo() throws Exception {
    assertThatItSays(
        "a guest without the sync NIC",
        CONFIGURE.toBuilder().setSyncMac("02:00:00:00:00:01").build(),
        guests.left());
  }

  @Test
  void givenTheNetworkElsewhereThenItSaysSo() throws Exception {
    guests.ipLeft("link", "set", "lo", "up");
    guests.ipLeft("addr", "add", "172.31.77.1/32", "dev", "lo");
    guests.ipLeft("route", "add", "172.31.77.0/24", "dev", "lo");
    assertThatItSays("a CIDR that collides with a guest's own", CONFIGURE, guests.left());
  }

  @Test
  void givenAnAddressThatIsNoneThenItSaysSo() throws Exception {
    assertThatItSays(
        "the address cannot be set",
        CONFIGURE.toBuilder().setSyncAddress("172.31.77/none").build(),
        guests.left());
  }

  @Test
  void givenNoIpThenItSaysSo() throws Exception {
    assertThatItSays("a guest without iproute2", CONFIGURE, guests.left("PATH=/nowhere"));
  }

  @Test
  void givenNoRsyncThenItSaysSoUntilItIsInstalled() throws Exception {
    GuestAgent bare =
        TamperedGuest.prefixed(
            guests.left(),
            List.of(
                "/usr/bin/unshare",
                "--mount",
                "/bin/sh",
                "-c",
                "test -e \"$0\" || mount --bind /dev/null /usr/bin/rsync; exec \"$@\"",
                directory.resolve("installed").toString()));
    SyncLink link = link(CONFIGURE, bare);
    link.look("boot");
    assertThat("web-2: " + link.health().ailments().getFirst().sentence() + ".")
        .matches(Troubleshooting.of("a guest without rsync")::matches);

    Files.createFile(directory.resolve("installed"));
    link.look("boot"); // the same boot
    assertThat(link.health()).isEqualTo(HealthContent.GOOD);
  }

  private void assertThatItSays(String wrong, Configure configure, GuestAgent guest)
      throws Exception {
    HealthContent health = look(configure, guest);
    Troubleshooting.Row row = Troubleshooting.of(wrong);
    assertThat(health.ailments()).hasSize(1);
    assertThat(health.ailments().getFirst().reason()).isEqualTo(row.reason());
    assertThat("web-2: " + health.ailments().getFirst().sentence() + ".").matches(row::matches);
  }

  private HealthContent look(Configure configure, GuestAgent guest) throws Exception {
    SyncLink link = link(configure, guest);
    link.look("boot");
    return link.health();
  }

  private SyncLink link(Configure configure, GuestAgent guest) {
    return new SyncLink(
        configure, ScriptGuests.watch(guest, directory, System::nanoTime), System::nanoTime);
  }
}
