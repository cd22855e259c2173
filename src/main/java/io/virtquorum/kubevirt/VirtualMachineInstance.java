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

/**
 * KubeVirt's VirtualMachineInstance: one run of a VM. Not thread-safe. The methods that are not
 * getters never return null.
 */
@Group("kubevirt.io")
@Version("v1")
@Kind("VirtualMachineInstance")
@Singular("virtualmachineinstance")
@Plural("virtualmachineinstances")
public class VirtualMachineInstance extends CustomResource<InstanceSpec, InstanceStatus>
    implements Namespaced {

  private static final long serialVersionUID = 1L;

  @Override
  protected InstanceSpec initSpec() {
    return null;
  }

  @Override
  protected InstanceStatus initStatus() {
    return null;
  }

  /** Phase, such as Running; empty if unknown. */
  public String phase() {
    return status().map(InstanceStatus::phase).orElse("");
  }

  /** True while the guest runs, as far as KubeVirt knows. */
  public boolean running() {
    return phase().equals("Running");
  }

  /** True while KubeVirt calls the instance ready. */
  public boolean ready() {
    return condition("Ready").filter(KubeVirtCondition::isTrue).isPresent();
  }

  /** Node that it runs on, if it has one. */
  public Optional<String> nodeName() {
    return status().map(InstanceStatus::nodeName);
  }

  /** Its condition of this type, if it has one. */
  public Optional<KubeVirtCondition> condition(String type) {
    return status().flatMap(s -> KubeVirtCondition.find(s.conditions(), type));
  }

  /** Its interface on this network, if it has one. */
  public Optional<InstanceInterface> interfaceOn(String network) {
    return status().map(InstanceStatus::interfaces).orElse(List.of()).stream()
        .filter(i -> network.equals(i.name()))
        .findFirst();
  }

  private Optional<InstanceStatus> status() {
    return Optional.ofNullable(getStatus());
  }
}
