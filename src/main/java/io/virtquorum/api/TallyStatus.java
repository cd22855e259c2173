package io.virtquorum.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/**
 * The last tally.
 *
 * @param root the root with the most votes, hexadecimal; null if there was no vote
 * @param weight its votes
 * @param total all votes there are, absent members' too
 * @param needed votes that a winner needs
 * @param outcome Elected or NoMajority
 * @param explanation the verdict in a sentence
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record TallyStatus(
    @JsonPropertyDescription("The root with the most votes.") String root,
    @JsonPropertyDescription("Its votes.") int weight,
    @JsonPropertyDescription("All votes there are, absent members' too.") int total,
    @JsonPropertyDescription("Votes that a winner needs.") int needed,
    @JsonPropertyDescription("Elected or NoMajority.") String outcome,
    @JsonPropertyDescription("The verdict in a sentence.") String explanation) {}
