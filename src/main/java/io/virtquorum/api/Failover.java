package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.ValidationRule;
import java.time.Duration;

/**
 * What is done about a primary that is not reached, or cannot serve.
 *
 * @param fencing how it is to be kept from serving users; only {@link Fencing#NONE} is there yet,
 *     but what was stored before the CRD refused the others has to be read
 * @param patience a primary that cannot serve leads so long before another one does, 5 s to 1 h
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@ValidationRule(
    value = "self.fencing == 'None'",
    message =
        "failover.fencing can only be None: SelfFence and StopVM do nothing yet, and are refused until they keep an old"
            + " primary from serving users.")
@ValidationRule(
    value =
        "duration(self.patience) >= duration('5s') && duration(self.patience) <= duration('1h')",
    message = "failover.patience must be from 5s to 1h.")
public record Failover(
    @Default("None")
        @JsonPropertyDescription(
            "None: what an old primary wrote meanwhile is archived when it returns. SelfFence and"
                + " StopVM are refused until they work.")
        Fencing fencing,
    @SchemaFrom(type = String.class)
        @JsonSerialize(using = DurationText.Writer.class)
        @JsonDeserialize(using = DurationText.Reader.class)
        @JsonPropertyDescription(
            "A primary that lives but cannot serve leads so long before another member does.")
        Duration patience) {

  /** No fencing, and a patience of 30 s. */
  public static final Failover DEFAULT = new Failover(null, null);

  public Failover {
    fencing = requireNonNullElse(fencing, Fencing.NONE);
    patience = requireNonNullElse(patience, Duration.ofSeconds(30));
  }

  /** How an old primary is kept from serving users. */
  public enum Fencing {
    /** Not at all: what it wrote meanwhile is archived when it returns. */
    @JsonProperty("None")
    NONE,
    /** Its sidecar is to cut the guest's access; refused until it does. */
    @JsonProperty("SelfFence")
    SELF_FENCE,
    /** The operator is to stop the VM; refused until it does. */
    @JsonProperty("StopVM")
    STOP_VM
  }
}
