package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a VirtualMachineInstance asks for.
 *
 * @param domain the virtual hardware
 * @param networks networks, paired by name with the interfaces of the domain
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record InstanceSpec(
    Domain domain,
    List<Network> networks,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public InstanceSpec {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
