package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * A network interface; exactly one binding is present.
 *
 * @param name name, that of its network
 * @param model device model, such as virtio
 * @param macAddress MAC address
 * @param masquerade present for NAT behind the pod's address
 * @param bridge present for layer 2
 * @param state absent where it is being unplugged
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Interface(
    String name,
    String model,
    String macAddress,
    Map<String, Object> masquerade,
    Map<String, Object> bridge,
    String state,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public Interface {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
