package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * Metadata of an instance that does not exist yet.
 *
 * @param labels labels of the instance
 * @param annotations annotations of the instance
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record TemplateMetadata(
    Map<String, String> labels,
    Map<String, String> annotations,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public TemplateMetadata {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
