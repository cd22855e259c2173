package io.virtquorum.network;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.docs.Troubleshooting;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SyncSubnetTest {

  private static Map<String, Optional<SyncAddress>> members(String prefix, int count) {
    return IntStream.range(0, count).boxed().collect(toMap(i -> prefix + i, i -> Optional.empty()));
  }

  @Property(tries = 100)
  void membersNeverShareAnAddressAndNeverLeaveTheNetwork(
      @ForAll @IntRange(min = 16, max = 29) int prefix,
      @ForAll @IntRange(min = 1, max = 6) int count,
      @ForAll String name) {
    SyncSubnet subnet = SyncSubnet.parse("172.16.0.0/" + prefix);
    SortedMap<String, SyncAddress> addresses = subnet.assign(members(name, count));

    assertThat(addresses).hasSize(count);
    assertThat(addresses.values()).doesNotHaveDuplicates();
    assertThat(addresses.values())
        .allMatch(a -> a.ip().startsWith("172.16.") && a.prefix() == prefix);
    assertThat(subnet.assign(members(name, count))).isEqualTo(addresses);
  }

  @Property(tries = 100)
  void nobodysAddressChangesWhenOthersJoinAndLeave(
      @ForAll @IntRange(min = 1, max = 3) int before,
      @ForAll @IntRange(min = 1, max = 3) int joining) {
    SyncSubnet subnet = SyncSubnet.parse("10.0.0.0/29");
    SortedMap<String, SyncAddress> first = subnet.assign(members("web-", before));
    Map<String, Optional<SyncAddress>> later = new HashMap<>(members("a-", joining));
    first.forEach((name, address) -> later.put(name, Optional.of(address)));
    later.remove("web-0");

    SortedMap<String, SyncAddress> second = subnet.assign(later);

    assertThat(second.values()).doesNotHaveDuplicates();
    first.forEach(
        (name, address) -> {
          if (!name.equals("web-0")) {
            assertThat(second).containsEntry(name, address);
          }
        });
  }

  @Test
  void aNetworkIsFilledToItsLastAddress() {
    assertThat(SyncSubnet.parse("10.0.0.8/29").assign(members("m", 6)).values())
        .extracting(SyncAddress::ip)
        .containsExactlyInAnyOrder(
            "10.0.0.9", "10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14");
  }

  @Test
  void oneMemberTooManyIsToldWhatToDo() {
    SyncSubnet subnet = SyncSubnet.parse("10.0.0.8/29");
    assertThatThrownBy(() -> subnet.assign(members("m", 7)))
        .isInstanceOf(NetworkException.class)
        .hasMessageContaining("10.0.0.8/29 has no address left for")
        .hasMessageContaining("larger syncNetwork.cidr")
        .extracting(Throwable::getMessage)
        .matches(Troubleshooting.of("more members than addresses")::matches);
  }

  @Test
  void anAddressOfAnotherNetworkOrOfTheBroadcastIsNotKept() {
    SyncSubnet subnet = SyncSubnet.parse("10.0.0.0/24");
    for (String ip : new String[] {"10.0.1.5", "10.0.0.0", "10.0.0.255", "nonsense"}) {
      Map<String, Optional<SyncAddress>> one =
          Map.of("web-0", Optional.of(new SyncAddress(ip, 24)));
      assertThat(subnet.assign(one)).isEqualTo(subnet.assign(Map.of("web-0", Optional.empty())));
    }
  }

  @Test
  void ofTwoMembersThatCarryOneAddressTheFirstByNameKeepsIt() {
    SyncAddress same = new SyncAddress("10.0.0.77", 24);
    SortedMap<String, SyncAddress> addresses =
        SyncSubnet.parse("10.0.0.0/24")
            .assign(Map.of("web-1", Optional.of(same), "web-0", Optional.of(same)));
    assertThat(addresses.get("web-0")).isEqualTo(same);
    assertThat(addresses.get("web-1")).isNotEqualTo(same);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "10.0.0.0",
        "10.0.0.0/30",
        "10.0.0.0/7",
        "10.0.0.256/24",
        "fd00::/64",
        "999.0.0.0/8",
        "010.0.0.0/8"
      })
  void whatIsNoNetworkIsRefused(String cidr) {
    assertThatThrownBy(() -> SyncSubnet.parse(cidr))
        .isInstanceOf(NetworkException.class)
        .hasMessageContaining("IPv4");
  }

  @Property(tries = 200)
  void aMacAddressIsStableUnicastAndLocallyAdministered(
      @ForAll String cluster, @ForAll String member) {
    MacAddress mac = MacAddress.ofMember("shop", cluster, member);
    assertThat(mac.text()).matches("0e:76(:[0-9a-f]{2}){4}");
    assertThat(MacAddress.ofMember("shop", cluster, member)).isEqualTo(mac);
    assertThat(MacAddress.ofMember("shop", cluster, member + "x")).isNotEqualTo(mac);
  }
}
