package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.Quantity;

/**
 * How members read their files from the disk; how often is {@link Timing#audit}.
 *
 * @param bandwidth bytes a second that a member reads at most in an audit, such as 50M, from 1M to
 *     100G; see {@link #bytesPerSecond}
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@ValidationRule(
    value =
        "type(self.bandwidth) == int ? self.bandwidth >= 1000000 && self.bandwidth <= 100000000000"
            + " : isQuantity(self.bandwidth) && !quantity(self.bandwidth).isLessThan(quantity('1M'))"
            + " && !quantity(self.bandwidth).isGreaterThan(quantity('100G'))",
    message = "audit.bandwidth must be from 1M to 100G bytes a second, such as 50M.")
public record Audit(
    @Default("50M")
        @JsonPropertyDescription(
            "Bytes a second that a member reads from its disk at most in an audit, such as 50M.")
        Quantity bandwidth) {

  /** 50 MB a second. */
  public static final Audit DEFAULT = new Audit(null);

  public Audit {
    bandwidth = requireNonNullElse(bandwidth, new Quantity("50", "M"));
  }

  /** Bytes a second. */
  public long bytesPerSecond() {
    return bandwidth.getNumericalAmount().longValue();
  }
}
