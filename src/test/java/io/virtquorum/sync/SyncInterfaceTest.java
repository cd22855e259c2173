package io.virtquorum.sync;

import static io.virtquorum.agent.TwoGuests.DEADLINE;
import static io.virtquorum.agent.TwoGuests.LEFT_MAC;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.agent.TwoGuests;
import io.virtquorum.guest.AddressOutcome;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SyncInterfaceTest {
  private static final String ADDRESS = "172.31.77.11/24";

  @TempDir Path directory;
  @AutoClose private TwoGuests guests;
  private SyncInterface nic;

  @BeforeEach
  void joinTwoNamespaces() throws Exception {
    guests = new TwoGuests(directory);
    nic = new SyncInterface(guests.left(), LEFT_MAC);
  }

  @Test
  void anAddressIsSetOnceAndThenFoundToBeThere() throws Exception {
    var shouted = new SyncInterface(guests.left(), LEFT_MAC.toUpperCase(Locale.ROOT));

    assertThat(shouted.set(ADDRESS, DEADLINE)).isEqualTo(new AddressOutcome.Done("cable"));
    assertThat(shouted.set(ADDRESS, DEADLINE)).isEqualTo(new AddressOutcome.Already("cable"));
  }

  @Test
  void anInterfaceThatWentDownIsBroughtUpAgain() throws Exception {
    nic.set(ADDRESS, DEADLINE);
    guests.ipLeft("link", "set", "cable", "down");

    assertThat(nic.set(ADDRESS, DEADLINE)).isInstanceOf(AddressOutcome.Done.class);
    assertThat(nic.set(ADDRESS, DEADLINE)).isInstanceOf(AddressOutcome.Already.class);
  }

  @Test
  void anUnknownMacIsAbsent() throws Exception {
    assertThat(new SyncInterface(guests.left(), "02:00:00:00:00:01").set(ADDRESS, DEADLINE))
        .isEqualTo(new AddressOutcome.Absent("02:00:00:00:00:01"));
  }

  @Test
  void aWrongAddressFailsWithTheToolsWords() throws Exception {
    assertThat(nic.set("not-an-address", DEADLINE))
        .isInstanceOfSatisfying(
            AddressOutcome.Failed.class,
            failed -> assertThat(failed.message()).contains("not-an-address"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"172.31.77.1/24", "172.31.0.1/16", "172.31.77.129/25"})
  void aNetworkThatTheGuestHasElsewhereIsNotTakenAwayFromIt(String elsewhere) throws Exception {
    guests.ipLeft("link", "set", "lo", "up");
    guests.ipLeft("addr", "add", elsewhere, "dev", "lo");
    guests.ipLeft("route", "add", network(elsewhere), "dev", "lo");

    assertThat(nic.set(ADDRESS, DEADLINE))
        .isInstanceOfSatisfying(
            AddressOutcome.Collides.class,
            collides -> assertThat(collides.route()).startsWith(network(elsewhere) + " dev lo"));
    guests.ipLeft("route", "del", network(elsewhere), "dev", "lo");
    assertThat(nic.set(ADDRESS, DEADLINE)).isEqualTo(new AddressOutcome.Done("cable"));
  }

  @Test
  void aWideRouteThroughAGatewayIsNoCollisionAndANarrowOneIs() throws Exception {
    guests.ipLeft("link", "set", "lo", "up");
    guests.ipLeft("addr", "add", "10.9.0.1/24", "dev", "lo");
    guests.ipLeft("route", "add", "10.9.0.0/24", "dev", "lo");
    guests.ipLeft("route", "add", "default", "via", "10.9.0.2");
    guests.ipLeft("route", "add", "172.16.0.0/12", "via", "10.9.0.2");
    assertThat(nic.set(ADDRESS, DEADLINE)).isEqualTo(new AddressOutcome.Done("cable"));

    guests.ipLeft("route", "add", "172.31.77.64/28", "via", "10.9.0.2");
    assertThat(nic.set(ADDRESS, DEADLINE)).isInstanceOf(AddressOutcome.Collides.class);
  }

  @Test
  void aGuestWithoutIpSaysSo() throws Exception {
    var bare = new SyncInterface(guests.left("PATH=/nowhere"), LEFT_MAC);

    assertThat(bare.set(ADDRESS, DEADLINE)).isEqualTo(new AddressOutcome.NoTool());
  }

  private static String network(String address) {
    return switch (address) {
      case "172.31.77.1/24" -> "172.31.77.0/24";
      case "172.31.0.1/16" -> "172.31.0.0/16";
      case "172.31.77.129/25" -> "172.31.77.128/25";
      default -> throw new IllegalArgumentException(address);
    };
  }
}
