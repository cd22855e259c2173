package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.IntOrString;
import java.util.Map;

/**
 * How votes are counted.
 *
 * @param authority what decides first
 * @param rule how many votes win
 * @param connectedBonus weight added to the primary
 * @param weights base weights (0 to {@value #MAX_WEIGHT}) by name of the VM; 1 for a VM that is not
 *     listed
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value =
        "!has(self.weights) || self.weights.all(member, self.weights[member] >= 0 && self.weights[member] <= 1000)",
    message = "voting.weights must be from 0 to 1000: a negative weight cannot be counted.")
@ValidationRule(
    value =
        "!has(self.connectedBonus) || (type(self.connectedBonus) == int ? self.connectedBonus >= 0 &&"
            + " self.connectedBonus <= 1000000 : self.connectedBonus == 'Auto')",
    message = "voting.connectedBonus must be Auto or a whole number from 0 to 1000000.")
public record Voting(
    @Default("Record")
        @JsonPropertyDescription(
            "Record: the primary leads and votes decide the rest. Votes: votes alone.")
        Authority authority,
    @Default("StrictMajority") @JsonPropertyDescription("How many votes win.") Rule rule,
    @Default("Auto")
        @SchemaFrom(type = IntOrString.class)
        @JsonPropertyDescription(
            "Weight added to the primary: Auto (outweighs all others), or a number not below that.")
        ConnectedBonus connectedBonus,
    @Size(max = MembersSpec.MAX_MEMBERS)
        @JsonPropertyDescription(
            "Base weight of a VM by its name, 0 to 1000; 1 where it is not listed.")
        Map<String, Integer> weights) {

  /** The greatest base weight. */
  public static final int MAX_WEIGHT = 1000;

  /** The record leads, a strict majority decides, the bonus is computed. */
  public static final Voting DEFAULT = new Voting(null, null, null, null);

  public Voting {
    authority = requireNonNullElse(authority, Authority.RECORD);
    rule = requireNonNullElse(rule, Rule.STRICT_MAJORITY);
    connectedBonus = requireNonNullElse(connectedBonus, ConnectedBonus.AUTO);
    weights = Map.copyOf(requireNonNullElse(weights, Map.of()));
  }

  /** Base weight of a member. */
  public int weightOf(String member) {
    return weights.getOrDefault(member, 1);
  }

  /** What decides first. */
  public enum Authority {
    /** The recorded primary leads; votes decide whatever that leaves open. */
    @JsonProperty("Record")
    RECORD,
    /** The tally alone. */
    @JsonProperty("Votes")
    VOTES
  }

  /** How many votes win. */
  public enum Rule {
    /** More than half of all weight. */
    @JsonProperty("StrictMajority")
    STRICT_MAJORITY,
    /** Half of all weight or more. */
    @JsonProperty("AtLeastHalf")
    AT_LEAST_HALF,
    /** The most. */
    @JsonProperty("Plurality")
    PLURALITY
  }
}
