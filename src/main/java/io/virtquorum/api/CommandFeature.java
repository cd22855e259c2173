package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.List;

/**
 * The output of a command in the guests.
 *
 * @param name name of the feature, unique in the cluster
 * @param run command and arguments; its standard output is compared
 * @param apply command and arguments that make a guest produce the elected output, which it reads
 *     on its standard input; empty where the output is compared only
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record CommandFeature(
    @Required
        @Size(min = 1, max = 63)
        @Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
        @JsonPropertyDescription("Name of the feature, unique in the cluster.")
        String name,
    @Required
        @Size(min = 1, max = 32)
        @JsonPropertyDescription("Command and arguments; its standard output is compared.")
        List<@Size(max = 1024) String> run,
    @Size(max = 32)
        @JsonPropertyDescription(
            "Command and arguments that repair: the elected output comes on standard input.")
        List<@Size(max = 1024) String> apply) {

  public CommandFeature {
    name = requireNonNullElse(name, "");
    run = List.copyOf(requireNonNullElse(run, List.of()));
    apply = List.copyOf(requireNonNullElse(apply, List.of()));
  }

  /** True if the output is voted on and repaired, false if it is compared only. */
  public boolean repairable() {
    return !apply.isEmpty();
  }
}
