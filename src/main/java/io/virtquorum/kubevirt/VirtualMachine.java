package io.virtquorum.kubevirt;

import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * KubeVirt's VirtualMachine. Not thread-safe. The methods that are not getters never return null.
 */
@Group("kubevirt.io")
@Version("v1")
@Kind("VirtualMachine")
@Singular("virtualmachine")
@Plural("virtualmachines")
public class VirtualMachine extends CustomResource<VirtualMachineSpec, VirtualMachineStatus>
    implements Namespaced {

  private static final long serialVersionUID = 1L;

  @Override
  protected VirtualMachineSpec initSpec() {
    return null;
  }

  @Override
  protected VirtualMachineStatus initStatus() {
    return null;
  }

  /** What its instances ask for, if it says so. */
  public Optional<InstanceSpec> instanceSpec() {
    return template().map(InstanceTemplate::spec);
  }

  /** Networks of its template. */
  public List<Network> networks() {
    return instanceSpec().map(InstanceSpec::networks).orElse(List.of());
  }

  /** Interfaces of its template. */
  public List<Interface> interfaces() {
    return instanceSpec()
        .map(InstanceSpec::domain)
        .map(Domain::devices)
        .map(Devices::interfaces)
        .orElse(List.of());
  }

  /** True if its template has a volume of this source, such as cloudInitNoCloud. */
  public boolean hasVolumeOf(String source) {
    return instanceSpec()
        .map(spec -> spec.unknown().get("volumes"))
        .filter(List.class::isInstance)
        .stream()
        .flatMap(volumes -> ((List<?>) volumes).stream())
        .anyMatch(volume -> volume instanceof Map<?, ?> fields && fields.get(source) != null);
  }

  /** Labels of its template. */
  public Map<String, String> templateLabels() {
    return template()
        .map(InstanceTemplate::metadata)
        .map(TemplateMetadata::labels)
        .orElse(Map.of());
  }

  /** Annotations of its template. */
  public Map<String, String> templateAnnotations() {
    return template()
        .map(InstanceTemplate::metadata)
        .map(TemplateMetadata::annotations)
        .orElse(Map.of());
  }

  /** Its condition of this type, if it has one. */
  public Optional<KubeVirtCondition> condition(String type) {
    return Optional.ofNullable(getStatus())
        .flatMap(s -> KubeVirtCondition.find(s.conditions(), type));
  }

  /** True if KubeVirt says that the running instance is older than the template. */
  public boolean restartRequired() {
    return condition("RestartRequired").filter(KubeVirtCondition::isTrue).isPresent();
  }

  /** State for people, such as Running; empty if unknown. */
  public String printableStatus() {
    return Optional.ofNullable(getStatus()).map(VirtualMachineStatus::printableStatus).orElse("");
  }

  private Optional<InstanceTemplate> template() {
    return Optional.ofNullable(getSpec()).map(VirtualMachineSpec::template);
  }
}
