package io.virtquorum.testing;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.virtquorum.kubevirt.JsonPatch;
import io.virtquorum.kubevirt.VirtualMachine;

/** Applies a JSON Patch as the API server does. */
public final class PatchedVm {

  private PatchedVm() {}

  /**
   * The VM after the patch.
   *
   * @throws IllegalStateException if a test fails
   */
  public static VirtualMachine apply(VirtualMachine vm, JsonPatch patch) {
    JsonNode document = new ObjectMapper().valueToTree(vm);
    patch.operations().forEach(operation -> apply(document, operation));
    return new KubernetesSerialization().unmarshal(document.toString(), VirtualMachine.class);
  }

  private static void apply(JsonNode document, JsonPatch.Operation operation) {
    JsonPointer at = operation.at();
    JsonNode parent = document.at(at.head());
    switch (operation) {
      case JsonPatch.Test test -> {
        JsonNode there = document.at(at);
        boolean nothing = there.isMissingNode() || there.isNull();
        if (test.value().isNull() ? !nothing : !there.equals(test.value())) {
          throw new IllegalStateException("test failed at " + at);
        }
      }
      case JsonPatch.Add add -> {
        if (parent instanceof ArrayNode list) {
          list.insert(at.last().getMatchingIndex(), add.value().deepCopy());
        } else {
          ((ObjectNode) parent).set(at.last().getMatchingProperty(), add.value().deepCopy());
        }
      }
      case JsonPatch.Replace replace -> {
        if (parent instanceof ArrayNode list) {
          list.set(at.last().getMatchingIndex(), replace.value().deepCopy());
        } else {
          ((ObjectNode) parent).set(at.last().getMatchingProperty(), replace.value().deepCopy());
        }
      }
      case JsonPatch.Remove remove -> {
        if (parent instanceof ArrayNode list) {
          list.remove(at.last().getMatchingIndex());
        } else {
          ((ObjectNode) parent).remove(at.last().getMatchingProperty());
        }
      }
    }
  }
}
