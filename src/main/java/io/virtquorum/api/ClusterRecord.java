package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The durable decisions of a cluster. Changed only by compare-and-swap, by the leader of the
 * highest term.
 *
 * @param term the leader that wrote last; counts from 1
 * @param tenure counts primaries from 1; 0 before the first
 * @param committed the state that a strict majority was verified to hold; null before the first
 *     epoch
 * @param mandate root of what a person promoted the primary with, until it is committed; null for
 *     none
 * @param primary name of the member that users are led to; null before the first
 * @param members who votes, with base weights
 * @param fence counts the writes without an answer that were made void; null for none
 * @param departed primaries that lost their tenure and did not come back to the state yet
 * @param ended what was committed last in tenures before that of the committed state
 * @param led former primaries, also those that are back
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ClusterRecord(
    @JsonPropertyDescription("Term of the leader that wrote last.") long term,
    @JsonPropertyDescription("Counts primaries.") long tenure,
    @JsonPropertyDescription("The state that a strict majority was verified to hold.")
        Committed committed,
    @JsonPropertyDescription("What a person promoted the primary with, until it is committed.")
        String mandate,
    @JsonPropertyDescription("The member that users are led to.") String primary,
    @JsonPropertyDescription("Who votes, with base weights.") List<Voter> members,
    @JsonPropertyDescription("Counts the writes without an answer that were made void.") Long fence,
    @JsonPropertyDescription(
            "Primaries that lost their tenure and did not come back to the state yet.")
        List<Departed> departed,
    @JsonPropertyDescription(
            "What was committed last in tenures before that of the committed state.")
        List<Ended> ended,
    @JsonPropertyDescription("Former primaries, also those that are back.") List<Led> led) {

  public ClusterRecord {
    members = List.copyOf(requireNonNullElse(members, List.of()));
    departed = List.copyOf(requireNonNullElse(departed, List.of()));
    ended = List.copyOf(requireNonNullElse(ended, List.of()));
    led = List.copyOf(requireNonNullElse(led, List.of()));
  }

  /** The committed state, if there is one. */
  public Optional<Committed> commitment() {
    return Optional.ofNullable(committed);
  }

  /** What a person promoted the primary with, if that is not committed yet. */
  public Optional<String> ordered() {
    return Optional.ofNullable(mandate);
  }

  /** This record with the next fence: it says the same, and differs. */
  public ClusterRecord fenced() {
    long next = fence == null ? 1 : fence + 1;
    return new ClusterRecord(
        term, tenure, committed, mandate, primary, members, next, departed, ended, led);
  }

  /** The primary, if there is one. */
  public Optional<String> primaryMember() {
    return Optional.ofNullable(primary);
  }

  /**
   * A committed state.
   *
   * @param epoch counts commitments from 1
   * @param tenure tenure in which it was elected
   * @param sequence its number within that tenure
   * @param root root of its fingerprint matrix, hexadecimal
   * @param time when it was recorded
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Committed(
      @JsonPropertyDescription("Counts commitments.") long epoch,
      @JsonPropertyDescription("Tenure in which it was elected.") long tenure,
      @JsonPropertyDescription("Its number within that tenure.") long sequence,
      @JsonPropertyDescription("Root of its fingerprint matrix.") String root,
      @SchemaFrom(type = String.class)
          @JsonFormat(shape = JsonFormat.Shape.STRING)
          @JsonPropertyDescription("When it was recorded.")
          Instant time) {}

  /**
   * A primary that lost its tenure; what it wrote is attributed until it holds the state again.
   *
   * @param name name of the VM
   * @param tenure that it led in
   * @param exposure what of its writes may be nowhere else, as a sentence; null: nothing is known
   *     to be
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record Departed(
      @JsonPropertyDescription("Name of the VM.") String name,
      @JsonPropertyDescription("Tenure that it led in.") long tenure,
      @JsonPropertyDescription("What of its writes may be nowhere else.") String exposure) {}

  /**
   * A tenure that is over.
   *
   * @param tenure from 1
   * @param sequence of what was committed last in it
   */
  public record Ended(
      @JsonPropertyDescription("Tenure that is over.") long tenure,
      @JsonPropertyDescription("Number of what was committed last in it.") long sequence) {}

  /**
   * A former primary; what it wrote while it led is attributed for good.
   *
   * @param name name of the VM
   * @param tenure newest one that it led in
   */
  public record Led(
      @JsonPropertyDescription("Name of the VM.") String name,
      @JsonPropertyDescription("Newest tenure that it led in.") long tenure) {}

  /**
   * A member that votes.
   *
   * @param name name of the VM
   * @param weight base weight, from 0
   */
  public record Voter(
      @JsonPropertyDescription("Name of the VM.") String name,
      @JsonPropertyDescription("Base weight.") int weight) {}
}
