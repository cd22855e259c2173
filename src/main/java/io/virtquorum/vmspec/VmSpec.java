package io.virtquorum.vmspec;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.virtquorum.kubevirt.JsonPatch;
import io.virtquorum.kubevirt.PatchBuilder;
import io.virtquorum.kubevirt.VirtualMachine;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Reads single values of VirtualMachines, and makes them equal. Computes patches only. Thread-safe.
 */
public final class VmSpec {

  private final ObjectMapper json =
      JsonMapper.builder().configure(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS, true).build();

  /**
   * The value at a JSON pointer, as canonical JSON: without spaces, names in order. Equal values
   * have equal texts, and only equal ones: 1Gi and 1024Mi differ, as they do for KubeVirt's own
   * comparison.
   *
   * @param pointer such as /spec/template/spec/domain/memory/guest
   * @return empty if the VM has no value there
   * @throws VmSpecException if the pointer is none
   */
  public Optional<String> read(VirtualMachine vm, String pointer) {
    return PatchBuilder.of(vm, json).get(pointer(pointer)).map(this::canonical);
  }

  /**
   * The patch that gives a VM these values; empty if it has them. Every value that is replaced or
   * removed is tested first, so a change that somebody else makes meanwhile is not lost.
   *
   * @param wanted JSON texts by pointer; empty where there is to be no value
   * @throws VmSpecException if a pointer or a text is none, or the VM has no place for a value
   */
  public JsonPatch patch(VirtualMachine vm, Map<String, Optional<String>> wanted) {
    PatchBuilder patch = PatchBuilder.of(vm, json);
    SortedMap<String, Optional<String>> inOrder = new TreeMap<>(wanted);
    inOrder.forEach(
        (at, text) -> {
          JsonPointer pointer = pointer(at);
          try {
            text.ifPresentOrElse(
                value -> patch.set(pointer, parse(at, value)), () -> patch.remove(pointer));
          } catch (IllegalArgumentException e) {
            throw new VmSpecException(
                "VM "
                    + vm.getMetadata().getName()
                    + " has no place for "
                    + at
                    + ": correct state.vmSpec.",
                e);
          }
        });
    return patch.build();
  }

  private String canonical(JsonNode value) {
    try {
      // Trees keep their order when written; plain maps are sorted.
      return json.writeValueAsString(json.treeToValue(value, Object.class));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A JSON value cannot be written as JSON.", e);
    }
  }

  private JsonNode parse(String pointer, String text) {
    try {
      return json.readTree(text);
    } catch (JsonProcessingException e) {
      throw new VmSpecException("The value that was elected for " + pointer + " is no JSON.", e);
    }
  }

  private static JsonPointer pointer(String text) {
    try {
      JsonPointer pointer = JsonPointer.compile(text);
      if (!pointer.matches()) {
        return pointer;
      }
    } catch (IllegalArgumentException e) {
      throw noPointer(text, e);
    }
    throw noPointer(text, null);
  }

  private static VmSpecException noPointer(String text, Throwable cause) {
    return new VmSpecException(
        "'" + text + "' is no JSON pointer into a VM: correct state.vmSpec.", cause);
  }
}
