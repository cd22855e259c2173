package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.LabelSelector;
import java.util.List;
import java.util.Optional;

/**
 * The VMs of a cluster: either selected by labels or named.
 *
 * @param selector labels of the VirtualMachines, or null where they are named
 * @param names names of the VirtualMachines, at most {@value #MAX_MEMBERS}; empty where they are
 *     selected
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "has(self.selector) != has(self.names)",
    message =
        "Say which VMs are members: either members.selector or members.names, not both and not neither.")
@ValidationRule(
    value =
        "!has(self.selector) || (has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0)"
            + " || (has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0)",
    message =
        "members.selector is empty and would take every VM of the namespace: add matchLabels.")
@ValidationRule(
    value = "!has(self.names) || size(self.names) > 0",
    message = "members.names is empty: name at least one VM, or use members.selector.")
@ValidationRule(
    value = "!has(self.names) || self.names.all(a, self.names.exists_one(b, a == b))",
    message = "members.names lists a VM twice: name each member once.")
public record MembersSpec(
    @JsonPropertyDescription("Selects the VirtualMachines by their labels.") LabelSelector selector,
    @Size(max = MAX_MEMBERS) @JsonPropertyDescription("Names the VirtualMachines.")
        List<@Size(min = 1, max = 63) String> names) {

  /** More members than this are refused in {@code names}. */
  public static final int MAX_MEMBERS = 15;

  /** No members; only where a spec is incomplete. */
  static final MembersSpec NONE = new MembersSpec(null, List.of());

  public MembersSpec {
    names = List.copyOf(requireNonNullElse(names, List.of()));
  }

  /** Members by name. */
  public static MembersSpec named(List<String> names) {
    return new MembersSpec(null, names);
  }

  /** Members by labels. */
  public static MembersSpec selected(LabelSelector selector) {
    return new MembersSpec(selector, List.of());
  }

  /** The label selector, if the members are not named. */
  public Optional<LabelSelector> bySelector() {
    return Optional.ofNullable(selector);
  }
}
