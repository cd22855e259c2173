package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.List;

/**
 * Where users are led: a Service of the cluster's name, whose one endpoint is the primary.
 *
 * @param ports the ports of that Service; none means no Service
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "!has(self.ports) || size(self.ports) < 2 || self.ports.all(p, has(p.name))",
    message = "access.ports has several ports: give each of them a name.")
@ValidationRule(
    value =
        "!has(self.ports) || self.ports.all(a, !has(a.name) || self.ports.exists_one(b, has(b.name) && a.name == b.name))",
    message = "Two entries of access.ports have the same name: give each a name of its own.")
@ValidationRule(
    value =
        "!has(self.ports) || self.ports.all(a, self.ports.exists_one(b, a.port == b.port && a.protocol == b.protocol))",
    message = "Two entries of access.ports have the same port and protocol: list each once.")
public record AccessSpec(
    @Size(max = 16) @JsonPropertyDescription("Ports of the Service that leads to the primary.")
        List<AccessPort> ports) {

  /** No Service. */
  public static final AccessSpec NONE = new AccessSpec(List.of());

  public AccessSpec {
    ports = List.copyOf(requireNonNullElse(ports, List.of()));
  }
}
