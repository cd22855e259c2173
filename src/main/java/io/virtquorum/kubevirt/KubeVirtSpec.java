package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * How KubeVirt is set up.
 *
 * @param configuration settings
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record KubeVirtSpec(
    KubeVirtConfiguration configuration,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public KubeVirtSpec {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
