package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * What a VirtualMachine asks for.
 *
 * @param running old way to ask for a running VM
 * @param runStrategy Always, Halted, Manual, RerunOnFailure, Once or WaitAsReceiver
 * @param template the VirtualMachineInstance to make
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record VirtualMachineSpec(
    Boolean running,
    String runStrategy,
    InstanceTemplate template,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public VirtualMachineSpec {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
