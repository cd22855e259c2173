package io.virtquorum.agent;

import io.virtquorum.agent.AgentProtocol.Fault;
import io.virtquorum.guest.GuestException;
import java.util.Locale;

/** Turns an agent's error into a sentence for the person who must act. Stateless. */
final class AgentRefusal {
  private AgentRefusal() {}

  /**
   * @param what the program or file that was asked for
   */
  static GuestException.Refused of(String command, String what, Fault fault) {
    String words = fault.description().toLowerCase(Locale.ROOT);
    if (words.contains("frozen")) {
      return new GuestException.Refused(
          "The guest's file systems are frozen, probably by a backup or snapshot, so the agent"
              + " refuses "
              + command
              + ": wait, or thaw them (virsh domfsthaw, guest-fsfreeze-thaw)");
    }
    if (words.contains("disabled") || words.contains("not allowed")) {
      return new GuestException.Refused(
          "The guest agent is configured to refuse "
              + command
              + ": in the guest, take it out of block-rpcs (older: blacklist) in"
              + " /etc/qemu/qemu-ga.conf, or on RHEL-like systems out of FILTER_RPC_ARGS or"
              + " BLACKLIST_RPC in /etc/sysconfig/qemu-ga, or run an agent of its own on the port"
              + " io.virtquorum.agent.0");
    }
    if (fault.kind().equals("CommandNotFound")) {
      return new GuestException.Refused(
          "The guest agent does not know " + command + ": install a newer qemu-guest-agent");
    }
    return new GuestException.Refused(
        "The guest refused " + command + " of " + what + ": " + fault.description());
  }
}
