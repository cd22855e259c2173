package io.virtquorum.kubevirt;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.HasMetadata;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Builds a JSON Patch that changes single values of one document and, by {@code test} operations,
 * refuses to change what it has not seen. What is set already leads to no operation. Not
 * thread-safe.
 */
public final class PatchBuilder {

  private final JsonNode document;
  private final List<JsonPatch.Operation> operations = new ArrayList<>();
  private final List<JsonPointer> created = new ArrayList<>();

  /**
   * Starts from this document.
   *
   * @param document as the API server has it; it is copied
   */
  public PatchBuilder(JsonNode document) {
    this.document = document.deepCopy();
  }

  /**
   * Starts from this resource, as it was read.
   *
   * @param json writes and reads it
   */
  public static PatchBuilder of(HasMetadata resource, ObjectMapper json) {
    try {
      // Through text, because trees made from objects have other kinds of numbers, which are not
      // equal to parsed ones.
      return new PatchBuilder(json.readTree(json.writeValueAsString(resource)));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(
          "A resource that was read from JSON cannot be written as JSON.", e);
    }
  }

  /** The value at this place, with the changes so far; empty if there is none, or JSON's null. */
  public Optional<JsonNode> get(JsonPointer at) {
    JsonNode value = document.at(at);
    return value.isMissingNode() || value.isNull()
        ? Optional.empty()
        : Optional.of(value.deepCopy());
  }

  /**
   * Sets a value, and makes the objects above it that are missing.
   *
   * @throws IllegalArgumentException if something on the way is neither an object nor a list with
   *     this index
   */
  public PatchBuilder set(JsonPointer at, JsonNode value) {
    Optional<JsonNode> old = get(at);
    if (old.filter(value::equals).isPresent()) {
      return this;
    }
    if (old.isPresent()) {
      operations.add(new JsonPatch.Test(at, old.get()));
      operations.add(new JsonPatch.Replace(at, value));
      put(at, value);
      return this;
    }
    JsonPointer place = at;
    JsonNode added = value;
    while (get(place.head()).isEmpty()) {
      added = JsonNodeFactory.instance.objectNode().set(place.last().getMatchingProperty(), added);
      place = place.head();
    }
    operations.add(JsonPatch.Test.absent(place));
    operations.add(new JsonPatch.Add(place, added));
    created.add(place);
    put(place, added);
    return this;
  }

  /** Removes a value, if it is there. */
  public PatchBuilder remove(JsonPointer at) {
    get(at)
        .ifPresent(
            old -> {
              operations.add(new JsonPatch.Test(at, old));
              operations.add(new JsonPatch.Remove(at));
              switch (document.at(at.head())) {
                case ObjectNode parent -> parent.remove(at.last().getMatchingProperty());
                case ArrayNode parent -> parent.remove(at.last().getMatchingIndex());
                default -> throw wayIsBlocked(at);
              }
            });
    return this;
  }

  /** Removes an object or list if nothing is left in it. */
  public PatchBuilder prune(JsonPointer at) {
    return get(at).filter(PatchBuilder::isHollow).isPresent() ? remove(at) : this;
  }

  /** The places that were empty before, in order. */
  public List<JsonPointer> created() {
    return List.copyOf(created);
  }

  /** The patch so far. */
  public JsonPatch build() {
    return new JsonPatch(operations);
  }

  private void put(JsonPointer at, JsonNode value) {
    switch (document.at(at.head())) {
      case ObjectNode parent -> parent.set(at.last().getMatchingProperty(), value.deepCopy());
      case ArrayNode parent when parent.has(at.last().getMatchingIndex()) ->
          parent.set(at.last().getMatchingIndex(), value.deepCopy());
      default -> throw wayIsBlocked(at);
    }
  }

  private static boolean isHollow(JsonNode node) {
    return node.isContainerNode() && node.valueStream().allMatch(PatchBuilder::isHollow);
  }

  private static IllegalArgumentException wayIsBlocked(JsonPointer at) {
    return new IllegalArgumentException(
        "There is no place for "
            + at
            + ": what is above it is neither an object nor a list with that index.");
  }
}
