package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a VirtualMachineInstance is.
 *
 * @param phase Pending, Scheduling, Scheduled, Running, Succeeded, Failed or Unknown
 * @param nodeName node that it runs on
 * @param interfaces interfaces as they are
 * @param conditions conditions
 * @param evacuationNodeName node that it is to leave
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record InstanceStatus(
    String phase,
    String nodeName,
    List<InstanceInterface> interfaces,
    List<KubeVirtCondition> conditions,
    String evacuationNodeName,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public InstanceStatus {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
