package io.virtquorum.sync;

import io.virtquorum.agent.GuestAgent;
import io.virtquorum.guest.AddressOutcome;
import io.virtquorum.guest.GuestException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;

/**
 * A guest's interface on the sync network, found by its MAC address, because names differ between
 * guests. Safe for use by many threads; everything here may be repeated at will.
 */
public final class SyncInterface {
  private static final int ALREADY = 10;
  private static final int ABSENT = 11;
  private static final int NO_TOOL = 12;
  private static final int COLLIDES = 13;
  private static final byte[] NO_INPUT = {};

  // $1: MAC in small letters. A bridge or VLAN above the NIC shares its MAC: hardware goes first.
  private static final String FIND =
      """
      nic=
      for path in /sys/class/net/*; do
        read -r mac 2>/dev/null < "$path/address" || continue
        [ "$mac" = "$1" ] || continue
        if [ -e "$path/device" ]; then nic=${path##*/}; break; fi
        [ -n "$nic" ] || nic=${path##*/}
      done
      [ -n "$nic" ] || exit 11
      """;

  static final String SET =
      FIND
          + """
          command -v ip >/dev/null || exit 12
          number() {
            IFS=.
            set -- $1
            unset IFS
            echo $((($1 << 24) + (${2:-0} << 16) + (${3:-0} << 8) + ${4:-0}))
          }
          overlaps() {
            bits=$3
            [ "$4" -ge "$bits" ] || bits=$4
            [ $(($(number "$1") >> (32 - bits))) = $(($(number "$2") >> (32 - bits))) ]
          }
          own=${2#*/}
          ip -4 route show | while read -r to rest; do
            case $to in *[!0-9./]* | 0.0.0.0/0) continue ;; esac
            case " $rest " in *" dev $nic "*) continue ;; esac
            length=${to#*/}
            [ "$length" != "$to" ] || length=32
            case " $rest " in *" via "*) [ "$length" -ge "$own" ] || continue ;; esac
            if overlaps "${2%/*}" "${to%/*}" "$own" "$length"; then
              echo "$to $rest"
              exit 13
            fi
          done || exit 13
          echo "$nic"
          case "$(ip -o link show dev "$nic")" in
            *[\\<,]UP[,\\>]*)
              case "$(ip -o addr show dev "$nic")" in *" $2 "*) exit 10;; esac;;
          esac
          ip link set dev "$nic" up && ip addr replace "$2" dev "$nic" || exit 1
          """;

  private final GuestAgent agent;
  private final String mac;

  /**
   * @param mac six hexadecimal bytes separated by colons
   */
  public SyncInterface(GuestAgent agent, String mac) {
    this.agent = agent;
    this.mac = mac.toLowerCase(Locale.ROOT);
  }

  /**
   * Brings the interface up with this address; other addresses on it stay. Sets nothing if the
   * guest has an overlapping network on another interface, or a route through a gateway into this
   * one: that would cut it off from those.
   *
   * @param address with its prefix length: {@code 172.31.77.11/24}
   */
  public AddressOutcome set(String address, Duration deadline) throws GuestException {
    var result = agent.run(GuestAgent.Exec.script(deadline, SET, NO_INPUT, mac, address));
    String name = new String(result.output(), StandardCharsets.UTF_8).strip();
    return switch (result.exit()) {
      case 0 -> new AddressOutcome.Done(name);
      case ALREADY -> new AddressOutcome.Already(name);
      case ABSENT -> new AddressOutcome.Absent(mac);
      case NO_TOOL -> new AddressOutcome.NoTool();
      case COLLIDES -> new AddressOutcome.Collides(name);
      default ->
          new AddressOutcome.Failed(new String(result.error(), StandardCharsets.UTF_8).strip());
    };
  }
}
