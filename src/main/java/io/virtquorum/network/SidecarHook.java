package io.virtquorum.network;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.stream.Stream;

/**
 * The sidecar, as KubeVirt's hook annotation names it.
 *
 * @param image image, with tag or digest
 * @param imagePullPolicy Always, IfNotPresent or Never
 * @param args arguments of the image's entry point
 */
public record SidecarHook(String image, String imagePullPolicy, List<String> args) {

  public SidecarHook {
    args = List.copyOf(args);
  }

  /** The same sidecar, which also brings the guest program by cloud-init. */
  public SidecarHook byCloudInit() {
    return new SidecarHook(
        image,
        imagePullPolicy,
        Stream.concat(args.stream(), Stream.of(ByCloudInit.ARGUMENT)).toList());
  }

  ObjectNode toNode() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("image", image).put("imagePullPolicy", imagePullPolicy);
    args.forEach(node.putArray("args")::add);
    return node;
  }
}
