package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import io.fabric8.generator.annotation.Required;
import java.time.Instant;
import java.util.List;

/**
 * What is known of one member. Everything but the name may be null: unknown.
 *
 * @param name name of the VM
 * @param ballotClass class of its last ballot: steady, advanced, drifted or behind
 * @param inSync true if it holds the target
 * @param root root of its fingerprint matrix, hexadecimal
 * @param weight base weight
 * @param votes votes it cast in the last tally, the bonus included
 * @param sessions users that are logged in or connected
 * @param incarnation one boot of its guest
 * @param node node that it runs on
 * @param lastBallot when it reported a root other than the one before
 * @param reason a sentence on why it is not in sync or not counted
 * @param staleProcesses sentences, each on a process that writes into a file that a repair took out
 *     of the state
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record MemberStatus(
    @Required @JsonPropertyDescription("Name of the VM.") String name,
    @JsonProperty("class")
        @JsonPropertyDescription("Class of its ballot: steady, advanced, drifted or behind.")
        String ballotClass,
    @JsonPropertyDescription("True if it holds the state it should hold.") Boolean inSync,
    @JsonPropertyDescription("Root of its fingerprint matrix.") String root,
    @JsonPropertyDescription("Base weight.") Integer weight,
    @JsonPropertyDescription("Votes cast in the last tally, the bonus included.") Integer votes,
    @JsonPropertyDescription("Users that are logged in or connected.") Integer sessions,
    @JsonPropertyDescription("One boot of its guest.") String incarnation,
    @JsonPropertyDescription("Node that it runs on.") String node,
    @SchemaFrom(type = String.class)
        @JsonFormat(shape = JsonFormat.Shape.STRING)
        @JsonPropertyDescription("When it reported another root than before.")
        Instant lastBallot,
    @JsonPropertyDescription("Why it is not in sync, or not counted.") String reason,
    @JsonPropertyDescription(
            "Processes that write into files which a repair replaced: with one it does not begin to"
                + " lead.")
        List<String> staleProcesses) {
  public MemberStatus {
    staleProcesses = List.copyOf(requireNonNullElse(staleProcesses, List.of()));
  }
}
