package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;

/**
 * What is done about a primary that cannot be reached.
 *
 * @param fencing how it is kept from serving users
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Failover(
    @Default("None")
        @JsonPropertyDescription(
            "None, SelfFence (the sidecar cuts the guest off), or StopVM (the operator stops it).")
        Fencing fencing) {

  /** No fencing. */
  public static final Failover DEFAULT = new Failover(null);

  public Failover {
    fencing = requireNonNullElse(fencing, Fencing.NONE);
  }

  /** How an old primary is kept from serving users. */
  public enum Fencing {
    /** Not at all: what it wrote meanwhile is archived when it returns. */
    @JsonProperty("None")
    NONE,
    /** Its sidecar cuts the guest's access when it has had no adjudicator for the lease time. */
    @JsonProperty("SelfFence")
    SELF_FENCE,
    /** The operator stops the VM. */
    @JsonProperty("StopVM")
    STOP_VM
  }
}
