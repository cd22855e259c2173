package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a VirtualMachine is.
 *
 * @param created true while there is an instance
 * @param ready true while the instance is ready
 * @param printableStatus state for people, such as Running
 * @param conditions conditions
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record VirtualMachineStatus(
    Boolean created,
    Boolean ready,
    String printableStatus,
    List<KubeVirtCondition> conditions,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public VirtualMachineStatus {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
