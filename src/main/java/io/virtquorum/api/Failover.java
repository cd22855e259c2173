package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;

/**
 * What is done about a primary that cannot be reached.
 *
 * @param fencing how it is to be kept from serving users; without effect yet
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Failover(
    @Default("None")
        @JsonPropertyDescription(
            "None. SelfFence (the sidecar is to cut the guest off) and StopVM (the operator is to"
                + " stop it) are accepted, without effect yet.")
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
    /**
     * Its sidecar is to cut the guest's access when it has had no adjudicator for the lease time;
     * accepted, without effect yet.
     */
    @JsonProperty("SelfFence")
    SELF_FENCE,
    /** The operator is to stop the VM; accepted, without effect yet. */
    @JsonProperty("StopVM")
    STOP_VM
  }
}
