package io.virtquorum.network;

import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;

/** A network of Multus. Not thread-safe, like every Fabric8 resource. */
@Group("k8s.cni.cncf.io")
@Version("v1")
@Kind("NetworkAttachmentDefinition")
@Singular("network-attachment-definition")
@Plural("network-attachment-definitions")
public class NetworkAttachmentDefinition
    extends CustomResource<NetworkAttachmentDefinition.Spec, Void> implements Namespaced {

  private static final long serialVersionUID = 1L;

  @Override
  protected Spec initSpec() {
    return null;
  }

  /**
   * What the network is.
   *
   * @param config CNI configuration, as JSON text
   */
  public record Spec(String config) {}
}
