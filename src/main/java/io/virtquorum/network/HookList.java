package io.virtquorum.network;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/**
 * The entries of KubeVirt's hook annotation. Their order names the sidecar containers, so it is
 * never changed.
 *
 * @param entries entries of all who use hooks
 */
record HookList(ArrayNode entries) {

  /** The annotation on the VM's template. */
  static final String ANNOTATION = "hooks.kubevirt.io/hookSidecars";

  /** Reads the annotation; null is none. */
  static HookList parse(String text, ObjectMapper json, String vm) {
    if (text == null || text.isBlank()) {
      return new HookList(JsonNodeFactory.instance.arrayNode());
    }
    try {
      if (json.readTree(text) instanceof ArrayNode entries) {
        return new HookList(entries);
      }
    } catch (JsonProcessingException e) {
      throw unreadable(vm, e);
    }
    throw unreadable(vm, null);
  }

  /** Puts our entry in, in the place of the old one if that is there. */
  void put(JsonNode ours, JsonNode old) {
    int index = indexOf(old);
    if (index < 0) {
      entries.add(ours);
    } else {
      entries.set(index, ours);
    }
  }

  /** Takes our entry out. */
  void remove(JsonNode ours) {
    int index = indexOf(ours);
    if (index >= 0) {
      entries.remove(index);
    }
  }

  /** True if there is an entry that is not ours. */
  boolean hasOthers(JsonNode ours) {
    return entries.size() > (indexOf(ours) < 0 ? 0 : 1);
  }

  // A person may have changed the image of our entry; two sidecars of ours would block the VM's
  // start.
  private int indexOf(JsonNode ours) {
    if (ours == null) {
      return -1;
    }
    Optional<String> cluster = clusterOf(ours);
    List<Predicate<JsonNode>> ways =
        List.of(
            ours::equals,
            entry -> entry.path("args").equals(ours.path("args")),
            entry -> cluster.isPresent() && clusterOf(entry).equals(cluster));
    return ways.stream()
        .flatMapToInt(is -> IntStream.range(0, entries.size()).filter(i -> is.test(entries.get(i))))
        .findFirst()
        .orElse(-1);
  }

  private static Optional<String> clusterOf(JsonNode entry) {
    return StreamSupport.stream(entry.path("args").spliterator(), false)
        .map(JsonNode::asText)
        .filter(arg -> entry.path("args").path(0).asText().equals("sidecar"))
        .filter(arg -> arg.startsWith("--cluster="))
        .findFirst();
  }

  private static NetworkException unreadable(String vm, Throwable cause) {
    return new NetworkException(
        "VM "
            + vm
            + " has an annotation "
            + ANNOTATION
            + " that is no JSON list: correct or remove it.",
        cause);
  }
}
