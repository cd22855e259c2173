package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * An interface of a running guest.
 *
 * @param name name of its network; null for one that only the guest knows
 * @param mac MAC address
 * @param ipAddress first address
 * @param ipAddresses all addresses
 * @param interfaceName name in the guest
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record InstanceInterface(
    String name,
    String mac,
    String ipAddress,
    List<String> ipAddresses,
    String interfaceName,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public InstanceInterface {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
