package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.Optional;

/**
 * How the first epoch comes about where the members differ. Read only while there is none.
 *
 * @param from name of the VM whose state becomes the first epoch; empty for none
 * @param vote true if the members' votes decide
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "!(has(self.from) && has(self.vote) && self.vote)",
    message =
        "bootstrap.from and bootstrap.vote exclude each other: name a VM, or ask for the vote.")
public record Bootstrap(
    @Size(min = 1, max = 63) @JsonPropertyDescription("The VM whose state becomes the first epoch.")
        String from,
    @JsonPropertyDescription("True: a vote of all members decides on the first epoch.")
        Boolean vote) {

  /** Wait until the members are equal. */
  public static final Bootstrap NONE = new Bootstrap(null, null);

  public Bootstrap {
    from = requireNonNullElse(from, "");
    vote = requireNonNullElse(vote, false);
  }

  /** The VM whose state becomes the first epoch, if the user named one. */
  public Optional<String> source() {
    return from.isEmpty() ? Optional.empty() : Optional.of(from);
  }
}
