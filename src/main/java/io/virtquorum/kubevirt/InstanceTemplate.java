package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * Template of a VirtualMachineInstance.
 *
 * @param metadata labels and annotations of the instance
 * @param spec what the instance asks for
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record InstanceTemplate(
    TemplateMetadata metadata,
    InstanceSpec spec,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public InstanceTemplate {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
