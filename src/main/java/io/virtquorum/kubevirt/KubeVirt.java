package io.virtquorum.kubevirt;

import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;
import java.util.List;
import java.util.Optional;

/** An installation of KubeVirt; read only. */
@Group("kubevirt.io")
@Version("v1")
@Kind("KubeVirt")
@Singular("kubevirt")
@Plural("kubevirts")
public class KubeVirt extends CustomResource<KubeVirtSpec, KubeVirtStatus> implements Namespaced {

  private static final long serialVersionUID = 1L;

  @Override
  protected KubeVirtSpec initSpec() {
    return null;
  }

  @Override
  protected KubeVirtStatus initStatus() {
    return null;
  }

  /** True once KubeVirt is up. */
  public boolean deployed() {
    return Optional.ofNullable(getStatus())
        .map(KubeVirtStatus::phase)
        .filter("Deployed"::equals)
        .isPresent();
  }

  /** Names of the open feature gates. */
  public List<String> featureGates() {
    return Optional.ofNullable(getSpec())
        .map(KubeVirtSpec::configuration)
        .map(KubeVirtConfiguration::developerConfiguration)
        .map(DeveloperConfiguration::featureGates)
        .orElse(List.of());
  }
}
