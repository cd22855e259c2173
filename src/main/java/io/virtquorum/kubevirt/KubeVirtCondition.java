package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A condition of any KubeVirt object.
 *
 * @param type such as Ready, AgentConnected, Paused, RestartRequired
 * @param status True, False or Unknown
 * @param reason a word for programs
 * @param message a sentence for people
 * @param unknown all other fields, never null; the times too, which KubeVirt may write as null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record KubeVirtCondition(
    String type,
    String status,
    String reason,
    String message,
    @JsonAnySetter @JsonAnyGetter Map<String, Object> unknown) {

  public KubeVirtCondition {
    unknown = Objects.requireNonNullElse(unknown, Map.of());
  }

  /** True if the status is True. */
  @JsonIgnore
  public boolean isTrue() {
    return "True".equals(status);
  }

  /** The condition of this type; the list may be null. */
  static Optional<KubeVirtCondition> find(List<KubeVirtCondition> conditions, String type) {
    return Objects.requireNonNullElse(conditions, List.<KubeVirtCondition>of()).stream()
        .filter(c -> type.equals(c.type()))
        .findFirst();
  }
}
