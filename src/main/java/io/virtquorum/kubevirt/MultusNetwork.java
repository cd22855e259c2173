package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * A network that a NetworkAttachmentDefinition describes.
 *
 * @param networkName name of the definition, or namespace/name
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record MultusNetwork(
    String networkName, @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public MultusNetwork {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
