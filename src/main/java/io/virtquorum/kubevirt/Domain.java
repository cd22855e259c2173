package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * Virtual hardware.
 *
 * @param devices devices
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Domain(Devices devices, @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public Domain {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
