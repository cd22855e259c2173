package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a KubeVirt installation is.
 *
 * @param phase such as Deploying or Deployed
 * @param observedKubeVirtVersion version that runs
 * @param conditions conditions
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record KubeVirtStatus(
    String phase,
    String observedKubeVirtVersion,
    List<KubeVirtCondition> conditions,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public KubeVirtStatus {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
