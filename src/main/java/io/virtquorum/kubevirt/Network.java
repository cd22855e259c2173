package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import java.util.Objects;

/**
 * A network; exactly one source is present.
 *
 * @param name name, that of its interface
 * @param pod present for the pod network
 * @param multus present for a network of Multus
 * @param unknown all other fields, never null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Network(
    String name,
    Map<String, Object> pod,
    MultusNetwork multus,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public Network {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }
}
