package io.virtquorum.testing;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;

/** A Service as users of a cluster have it, which VirtQuorum did not make. */
public final class ForeignService {
  private ForeignService() {}

  /** One that leads to Pods by their label; not created yet. */
  public static Service named(String name) {
    return new ServiceBuilder()
        .withNewMetadata()
        .withName(name)
        .endMetadata()
        .withNewSpec()
        .addToSelector("app", "shop")
        .addNewPort()
        .withPort(8443)
        .endPort()
        .endSpec()
        .build();
  }
}
