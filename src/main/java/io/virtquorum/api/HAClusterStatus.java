package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import io.fabric8.kubernetes.api.model.Condition;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What is. Written by the operator alone. Components named in {@link Optional} accessors are null
 * where there is nothing to say.
 *
 * @param observedGeneration the generation of the spec that this status answers; null before the
 *     first reconcile
 * @param conditions kstatus conditions, at most one of a type
 * @param record the durable decisions, changed only by compare-and-swap; null before the first
 * @param inSync members in sync, for people, such as "3/3"; null if unknown
 * @param exposureSince since when the primary's newest change has not been committed; null while
 *     there is none
 * @param members what each member reported last
 * @param tally the last tally; null before the first
 * @param lastRepair the last finished repair; null before the first
 * @param lastFailover the last change of the primary; null before the first
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record HAClusterStatus(
    @JsonPropertyDescription("Generation of the spec that this status answers.")
        Long observedGeneration,
    @JsonPropertyDescription(
            "Ready, Reconciling, Stalled, InSync, Protected, PrimaryAvailable, RestartPending.")
        List<Condition> conditions,
    @JsonPropertyDescription("The durable decisions.") ClusterRecord record,
    @JsonPropertyDescription("Members in sync, such as 3/3.") String inSync,
    @SchemaFrom(type = String.class)
        @JsonFormat(shape = JsonFormat.Shape.STRING)
        @JsonPropertyDescription("Since when the primary's newest change has not been committed.")
        Instant exposureSince,
    @JsonPropertyDescription("What each member reported last.") List<MemberStatus> members,
    @JsonPropertyDescription("The last tally.") TallyStatus tally,
    @JsonPropertyDescription("The last finished repair.") RepairStatus lastRepair,
    @JsonPropertyDescription("The last change of the primary.") FailoverStatus lastFailover) {

  /** Nothing is known yet. */
  public static final HAClusterStatus EMPTY =
      new HAClusterStatus(null, null, null, null, null, null, null, null, null);

  public HAClusterStatus {
    conditions = List.copyOf(requireNonNullElse(conditions, List.of()));
    members = List.copyOf(requireNonNullElse(members, List.of()));
  }

  /** The record, if something was decided already. */
  public Optional<ClusterRecord> recorded() {
    return Optional.ofNullable(record);
  }

  /** The condition of this type, if it was set. */
  public Optional<Condition> condition(String type) {
    return conditions.stream().filter(c -> c.getType().equals(type)).findFirst();
  }

  /** This status with another record. */
  public HAClusterStatus withRecord(ClusterRecord other) {
    return new HAClusterStatus(
        observedGeneration,
        conditions,
        other,
        inSync,
        exposureSince,
        members,
        tally,
        lastRepair,
        lastFailover);
  }
}
