package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.Optional;

/**
 * The network between members. It cannot be changed later: running members would lose each other
 * half-way.
 *
 * @param cidr IPv4 network from /8 to /29, such as 172.31.77.0/24; used by this cluster alone
 * @param bridge name of the Linux bridge on the nodes, at most 15 characters; empty where an
 *     attachment is named
 * @param networkAttachmentDefinition an existing attachment, as name or namespace/name; empty where
 *     a bridge is named
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "has(self.bridge) != has(self.networkAttachmentDefinition)",
    message =
        "Say how the sync network reaches the VMs: either syncNetwork.bridge or syncNetwork.networkAttachmentDefinition,"
            + " not both and not neither.")
@ValidationRule(
    value = "isCIDR(self.cidr) && cidr(self.cidr).ip().family() == 4",
    message = "syncNetwork.cidr is not an IPv4 network: write it like 172.31.77.0/24.")
@ValidationRule(
    value =
        "!isCIDR(self.cidr) || (cidr(self.cidr).prefixLength() >= 8 && cidr(self.cidr).prefixLength() <= 29)",
    message =
        "syncNetwork.cidr must be from /8 to /29: a smaller network has too few addresses for the members.")
@ValidationRule(
    value = "!isCIDR(self.cidr) || cidr(self.cidr) == cidr(self.cidr).masked()",
    message = "syncNetwork.cidr names one host: write the network itself, such as 172.31.77.0/24.")
@ValidationRule(
    value = "self == oldSelf",
    message =
        "The sync network of a cluster cannot be changed: delete this HACluster (the VMs and their data stay) and create it"
            + " again.")
public record SyncNetwork(
    @Required
        @Size(min = 9, max = 18)
        @JsonPropertyDescription("IPv4 network from /8 to /29, for this cluster alone.")
        String cidr,
    @Size(max = 15)
        @Pattern("^[A-Za-z0-9][A-Za-z0-9._-]*$")
        @JsonPropertyDescription("Linux bridge on the nodes that joins the members.")
        String bridge,
    @Size(max = 127)
        @Pattern("^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")
        @JsonPropertyDescription("Existing NetworkAttachmentDefinition, as name or namespace/name.")
        String networkAttachmentDefinition) {

  /** No network; only where a spec is incomplete. */
  static final SyncNetwork NONE = new SyncNetwork("", "", "");

  public SyncNetwork {
    cidr = requireNonNullElse(cidr, "");
    bridge = requireNonNullElse(bridge, "");
    networkAttachmentDefinition = requireNonNullElse(networkAttachmentDefinition, "");
  }

  /** A network of its own on this bridge of the nodes. */
  public static SyncNetwork onBridge(String cidr, String bridge) {
    return new SyncNetwork(cidr, bridge, "");
  }

  /** A network that somebody else defined. */
  public static SyncNetwork existing(String cidr, String networkAttachmentDefinition) {
    return new SyncNetwork(cidr, "", networkAttachmentDefinition);
  }

  /**
   * The existing attachment (name or namespace/name); empty if VirtQuorum makes one for {@link
   * #bridge}.
   */
  public Optional<String> existingAttachment() {
    return networkAttachmentDefinition.isEmpty()
        ? Optional.empty()
        : Optional.of(networkAttachmentDefinition);
  }
}
