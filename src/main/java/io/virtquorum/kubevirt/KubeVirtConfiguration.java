package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * Settings of KubeVirt.
 *
 * @param developerConfiguration holds the feature gates
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record KubeVirtConfiguration(
    DeveloperConfiguration developerConfiguration,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public KubeVirtConfiguration {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
