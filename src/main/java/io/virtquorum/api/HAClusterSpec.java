package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.ValidationRule;

/**
 * What the user asks for. The API server writes the defaults into what it stores, so that {@code
 * kubectl get -o yaml} shows what is in force; the constructors fill in the same values, so that no
 * component is ever null.
 *
 * @param members which VMs
 * @param syncNetwork the network that repairs use
 * @param state what is compared and repaired
 * @param access where users are led
 * @param mode whether anything is touched
 * @param voting how votes are counted
 * @param bootstrap which state is the first one where members differ
 * @param restartPolicy whether VMs are restarted when they must be
 * @param timing how often members look and report
 * @param failover what is done about an unreachable primary
 * @param archive what is kept of replaced files
 * @param audit how members read their files from the disk
 * @param guestProgram how the program in the guests gets there and is kept
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@ValidationRule(
    value =
        "!has(self.members.names) || !isCIDR(self.syncNetwork.cidr) || cidr(self.syncNetwork.cidr).prefixLength() <= 27"
            + " || size(self.members.names) <= (cidr(self.syncNetwork.cidr).prefixLength() == 28 ? 14 : 6)",
    message =
        "syncNetwork.cidr has fewer addresses than members.names has VMs: choose a larger network, such as a /24.")
@ValidationRule(
    value =
        "!has(self.members.names) || !has(self.voting) || !has(self.voting.weights)"
            + " || self.voting.weights.all(member, member in self.members.names)",
    message = "voting.weights names a VM that is not in members.names.")
@ValidationRule(
    value =
        "!has(self.members.names) || !has(self.voting) || !has(self.voting.weights)"
            + " || self.members.names.exists(n, !(n in self.voting.weights) || self.voting.weights[n] > 0)",
    message =
        "voting.weights gives every member the weight 0, so nobody could win: leave at least one above 0.")
@ValidationRule(
    value =
        "!has(self.members.names) || !has(self.bootstrap) || !has(self.bootstrap.from)"
            + " || self.bootstrap.from in self.members.names",
    message = "bootstrap.from names a VM that is not in members.names.")
public record HAClusterSpec(
    @Required @JsonPropertyDescription("Which VMs of this namespace hold the same state.")
        MembersSpec members,
    @Required
        @JsonPropertyDescription("The dedicated layer-2 network over which members are repaired.")
        SyncNetwork syncNetwork,
    @Required @JsonPropertyDescription("What must be equal on all members.") StateSpec state,
    @JsonPropertyDescription("A Service of the cluster's name leads to the primary.")
        AccessSpec access,
    @Default("Repair")
        @JsonPropertyDescription("Repair, or Observe: vote and report, touch nothing.")
        Mode mode,
    @Default("{}") @JsonPropertyDescription("How votes are counted.") Voting voting,
    @JsonPropertyDescription("Which state is the first one; needed only where members differ.")
        Bootstrap bootstrap,
    @Default("Rolling")
        @JsonPropertyDescription(
            "Rolling: restart VMs one at a time when needed. Manual: say RestartPending and wait.")
        RestartPolicy restartPolicy,
    @Default("{}") @JsonPropertyDescription("How often members look and report.") Timing timing,
    @Default("{}")
        @JsonPropertyDescription(
            "What is done about a primary that is not reached, or cannot serve.")
        Failover failover,
    @Default("{}")
        @JsonPropertyDescription("What is kept of files that a repair replaced or deleted.")
        Archive archive,
    @Default("{}") @JsonPropertyDescription("How members read their files from the disk.")
        Audit audit,
    @Default("{}")
        @JsonPropertyDescription("How the program in the members' guests gets there and is kept.")
        GuestProgram guestProgram) {

  public HAClusterSpec {
    members = requireNonNullElse(members, MembersSpec.NONE);
    syncNetwork = requireNonNullElse(syncNetwork, SyncNetwork.NONE);
    state = requireNonNullElse(state, StateSpec.NONE);
    access = requireNonNullElse(access, AccessSpec.NONE);
    mode = requireNonNullElse(mode, Mode.REPAIR);
    voting = requireNonNullElse(voting, Voting.DEFAULT);
    bootstrap = requireNonNullElse(bootstrap, Bootstrap.NONE);
    restartPolicy = requireNonNullElse(restartPolicy, RestartPolicy.ROLLING);
    timing = requireNonNullElse(timing, Timing.DEFAULT);
    failover = requireNonNullElse(failover, Failover.DEFAULT);
    archive = requireNonNullElse(archive, Archive.DEFAULT);
    audit = requireNonNullElse(audit, Audit.DEFAULT);
    guestProgram = requireNonNullElse(guestProgram, GuestProgram.DEFAULT);
  }

  /** A spec with all defaults, for these VMs, this network and this state. */
  public HAClusterSpec(MembersSpec members, SyncNetwork syncNetwork, StateSpec state) {
    this(members, syncNetwork, state, null, null, null, null, null, null, null, null, null, null);
  }
}
