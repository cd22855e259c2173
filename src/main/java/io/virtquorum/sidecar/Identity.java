package io.virtquorum.sidecar;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;

/**
 * Which VM this sidecar stands beside, as KubeVirt told it. Immutable.
 *
 * @param namespace of the VirtualMachineInstance
 * @param name of the VirtualMachineInstance, which is the VirtualMachine's too
 * @param uid of the VirtualMachineInstance: another one after every restart
 */
public record Identity(String namespace, String name, String uid) {
  private static final String SIDECARS = "hooks.kubevirt.io/hookSidecars";

  public Identity {
    if (namespace.isBlank() || name.isBlank() || uid.isBlank()) {
      throw new IllegalArgumentException(
          "The VirtualMachineInstance must have a namespace, a name and a uid");
    }
  }

  /**
   * Reads the JSON of a VirtualMachineInstance.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static Identity ofVmi(byte[] json) {
    JsonNode metadata = parse(json).path("metadata");
    return new Identity(
        metadata.path("namespace").asText(),
        metadata.path("name").asText(),
        metadata.path("uid").asText());
  }

  /**
   * The place of the cluster's sidecar in the list that KubeVirt made containers from, for where
   * KubeVirt does not say the container's name itself (before v1.6).
   *
   * @return 0 at least
   * @throws IllegalArgumentException if there is none, or it is no list
   */
  public static int indexOfSidecar(byte[] json, String cluster) {
    String list = parse(json).path("metadata").path("annotations").path(SIDECARS).asText();
    JsonNode sidecars;
    try {
      sidecars = new ObjectMapper().readTree(list);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("The annotation " + SIDECARS + " is no JSON", e);
    }
    for (int i = 0; i < sidecars.size(); i++) {
      JsonNode args = sidecars.get(i).path("args");
      boolean sidecar = false;
      boolean ours = false;
      for (JsonNode arg : args) {
        sidecar |= arg.asText().equals("sidecar");
        ours |= arg.asText().equals(cluster) || arg.asText().equals("--cluster=" + cluster);
      }
      if (sidecar && ours) {
        return i;
      }
    }
    throw new IllegalArgumentException(
        "The annotation " + SIDECARS + " lists no sidecar of the HACluster " + cluster);
  }

  private static JsonNode parse(byte[] json) {
    try {
      return new ObjectMapper().readTree(json);
    } catch (IOException e) {
      throw new IllegalArgumentException("The VirtualMachineInstance is no JSON", e);
    }
  }
}
