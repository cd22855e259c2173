package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Settings for those who know what they do.
 *
 * @param featureGates names of the gates that are open
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record DeveloperConfiguration(
    List<String> featureGates, @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public DeveloperConfiguration {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
