package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.Quantity;

/**
 * What each member keeps of the files that a repair replaced or deleted.
 *
 * @param entries how many repairs are kept, 1 to 1000
 * @param maxSize how much room they may take, such as 1Gi; see {@link #maxBytes}
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@ValidationRule(
    value =
        "type(self.maxSize) == int ? self.maxSize > 0"
            + " : isQuantity(self.maxSize) && quantity(self.maxSize).isGreaterThan(quantity('0'))",
    message = "archive.maxSize must be a size above 0, such as 1Gi.")
public record Archive(
    @Default("20") @Min(1) @Max(1000) @JsonPropertyDescription("How many repairs are kept.")
        Integer entries,
    @Default("1Gi")
        @JsonPropertyDescription("How much room they may take on each member, such as 1Gi.")
        Quantity maxSize) {

  /** Twenty entries in one GiB. */
  public static final Archive DEFAULT = new Archive(null, null);

  public Archive {
    entries = requireNonNullElse(entries, 20);
    maxSize = requireNonNullElse(maxSize, new Quantity("1", "Gi"));
  }

  /** Room in bytes. */
  public long maxBytes() {
    return maxSize.getNumericalAmount().longValue();
  }
}
