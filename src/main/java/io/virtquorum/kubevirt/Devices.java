package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Virtual devices.
 *
 * @param interfaces network interfaces, paired by name with networks
 * @param autoattachPodInterface false where a VM that lists no interface has none at all
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Devices(
    List<Interface> interfaces,
    Boolean autoattachPodInterface,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public Devices {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
