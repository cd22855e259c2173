package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.docs.Troubleshooting;
import io.virtquorum.guest.Watch;
import io.virtquorum.program.Cable;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.Peer;
import java.nio.file.Path;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a member says of its place on the sync network, in network namespaces of this machine. */
class SyncLinkTest {
  private static final Configure CONFIGURE =
      Configure.newBuilder()
          .setSyncMac(Cable.mac(0))
          .setSyncAddress("172.31.77.11/24")
          .addPeers(Peer.newBuilder().setMember("web-1").setAddress("172.31.77.12"))
          .build();

  @TempDir Path directory;
  @AutoClose private Cable cable;
  private Watch watch;

  @BeforeEach
  void joinTwoGuests() throws Exception {
    cable = new Cable(directory);
    watch = cable.watch(0);
  }

  @Test
  void givenAGuestThatLacksNothingThenNothingAilsIt() throws Exception {
    assertThat(look(CONFIGURE)).isEqualTo(HealthContent.GOOD);
  }

  @Test
  void givenNoNicThenItSaysSo() throws Exception {
    assertThatItSays(
        "a guest without the sync NIC",
        CONFIGURE.toBuilder().setSyncMac("02:00:00:00:00:01").build());
  }

  @Test
  void givenTheNetworkElsewhereThenItSaysSo() throws Exception {
    cable.ip(0, "link", "set", "lo", "up");
    cable.ip(0, "addr", "add", "172.31.77.1/32", "dev", "lo");
    cable.ip(0, "route", "add", "172.31.77.0/24", "dev", "lo");
    assertThatItSays("a CIDR that collides with a guest's own", CONFIGURE);
  }

  @Test
  void givenAnAddressThatIsNoneThenItSaysSo() throws Exception {
    assertThatItSays(
        "the address cannot be set",
        CONFIGURE.toBuilder().setSyncAddress("172.31.77/none").build());
  }

  private void assertThatItSays(String wrong, Configure configure) throws Exception {
    HealthContent health = look(configure);
    Troubleshooting.Row row = Troubleshooting.of(wrong);
    assertThat(health.ailments()).hasSize(1);
    assertThat(health.ailments().getFirst().reason()).isEqualTo(row.reason());
    assertThat("web-2: " + health.ailments().getFirst().sentence() + ".").matches(row::matches);
  }

  private HealthContent look(Configure configure) throws Exception {
    SyncLink link = new SyncLink(configure, watch, System::nanoTime);
    link.look("boot");
    return link.health();
  }
}
