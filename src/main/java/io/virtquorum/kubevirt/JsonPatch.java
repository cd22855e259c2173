package io.virtquorum.kubevirt;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * A JSON Patch (RFC 6902).
 *
 * @param operations what to do, in order; all or nothing
 */
public record JsonPatch(List<Operation> operations) {

  /** Does nothing. */
  public static final JsonPatch NOTHING = new JsonPatch(List.of());

  public JsonPatch {
    operations = List.copyOf(operations);
  }

  /** True if there is nothing to do. */
  public boolean isEmpty() {
    return operations.isEmpty();
  }

  /** This patch, and then the other one. */
  public JsonPatch then(JsonPatch other) {
    List<Operation> all = new ArrayList<>(operations);
    all.addAll(other.operations);
    return new JsonPatch(all);
  }

  /** As the API server reads it. */
  public String toJson() {
    ArrayNode all = JsonNodeFactory.instance.arrayNode();
    operations.forEach(operation -> all.add(operation.toNode()));
    return all.toString();
  }

  /** One step of a patch. */
  public sealed interface Operation {
    /** Where. */
    JsonPointer at();

    /** As the API server reads it. */
    default ObjectNode toNode() {
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      return switch (this) {
        case Test(JsonPointer at, JsonNode value) ->
            node.put("op", "test").put("path", at.toString()).set("value", value);
        case Add(JsonPointer at, JsonNode value) ->
            node.put("op", "add").put("path", at.toString()).set("value", value);
        case Replace(JsonPointer at, JsonNode value) ->
            node.put("op", "replace").put("path", at.toString()).set("value", value);
        case Remove(JsonPointer at) -> node.put("op", "remove").put("path", at.toString());
      };
    }
  }

  /**
   * Refuses the whole patch unless this value is there.
   *
   * @param at where
   * @param value what; null (JSON) means that nothing may be there, which is how the API server
   *     reads it
   */
  public record Test(JsonPointer at, JsonNode value) implements Operation {
    /** Refuses the whole patch if anything is there. */
    public static Test absent(JsonPointer at) {
      return new Test(at, NullNode.getInstance());
    }
  }

  /**
   * Adds a field, or puts an element into a list before the one at this index.
   *
   * @param at where; its parent must be there
   * @param value what
   */
  public record Add(JsonPointer at, JsonNode value) implements Operation {}

  /**
   * Replaces a value.
   *
   * @param at where
   * @param value what
   */
  public record Replace(JsonPointer at, JsonNode value) implements Operation {}

  /**
   * Removes a value.
   *
   * @param at where
   */
  public record Remove(JsonPointer at) implements Operation {}
}
