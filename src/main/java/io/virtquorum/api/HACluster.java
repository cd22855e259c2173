package io.virtquorum.api;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;
import java.util.List;
import java.util.Map;

/**
 * Several VMs that hold the same state, kept equal by a weighted vote. Not thread-safe, like every
 * Fabric8 resource.
 */
@Group(HACluster.GROUP)
@Version(HACluster.VERSION)
@Kind("HACluster")
@Singular("hacluster")
@Plural("haclusters")
@ShortNames("hac")
@AdditionalPrinterColumn(name = "In sync", jsonPath = ".status.inSync")
@AdditionalPrinterColumn(name = "Primary", jsonPath = ".status.record.primary")
@AdditionalPrinterColumn(
    name = "Epoch",
    jsonPath = ".status.record.committed.epoch",
    type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
    name = "Exposure",
    jsonPath = ".status.exposureSince",
    type = AdditionalPrinterColumn.Type.DATE)
@AdditionalPrinterColumn(
    name = "Ready",
    jsonPath = ".status.conditions[?(@.type==\"Ready\")].status")
@AdditionalPrinterColumn(
    name = "Age",
    jsonPath = ".metadata.creationTimestamp",
    type = AdditionalPrinterColumn.Type.DATE)
@ValidationRule(
    value = "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$')",
    message =
        "The name of an HACluster becomes the name of a Service: start with a letter, use only lower-case letters, digits"
            + " and '-', and at most 52 characters.")
public class HACluster extends CustomResource<HAClusterSpec, HAClusterStatus>
    implements Namespaced {

  /** API group of VirtQuorum's resources. */
  public static final String GROUP = "virtquorum.io";

  /** Served and stored version. */
  public static final String VERSION = "v1alpha1";

  private static final long serialVersionUID = 1L;

  /** What the user asks for; null only in an object that was built in Java and not filled yet. */
  @Required
  @Override
  public HAClusterSpec getSpec() {
    return super.getSpec();
  }

  /** What is; never null. */
  @Override
  public HAClusterStatus getStatus() {
    HAClusterStatus status = super.getStatus();
    return status == null ? HAClusterStatus.EMPTY : status;
  }

  /** Labels of everything that is made for this cluster. */
  public Map<String, String> labelsOfOwned() {
    return Map.of(
        "app.kubernetes.io/managed-by", "virtquorum", GROUP + "/cluster", getMetadata().getName());
  }

  /** The reference that lets Kubernetes delete what was made for this cluster together with it. */
  public OwnerReference asOwner() {
    return new OwnerReferenceBuilder()
        .withApiVersion(getApiVersion())
        .withKind(getKind())
        .withName(getMetadata().getName())
        .withUid(getMetadata().getUid())
        .withController(true)
        .withBlockOwnerDeletion(false)
        .build();
  }

  /** True if Kubernetes deletes an object together with this very cluster. */
  public boolean owns(HasMetadata object) {
    return object.getMetadata().getOwnerReferences().stream()
        .anyMatch(o -> o.getUid().equals(getMetadata().getUid()));
  }

  /**
   * True if an object was made for this cluster or for one of its name that is gone: Kubernetes
   * deletes what that one left, unless it was told to leave it as an orphan.
   */
  public boolean mayTake(HasMetadata object) {
    List<OwnerReference> owners = object.getMetadata().getOwnerReferences();
    if (owners.isEmpty()) {
      Map<String, String> labels = object.getMetadata().getLabels();
      return labels != null && labels.entrySet().containsAll(labelsOfOwned().entrySet());
    }
    return owners.stream()
        .anyMatch(
            o -> getKind().equals(o.getKind()) && getMetadata().getName().equals(o.getName()));
  }

  /**
   * Refuses an object that this cluster may not take.
   *
   * @throws NameTakenException if it is somebody else's
   */
  public void requireOwn(HasMetadata object) {
    if (!mayTake(object)) {
      throw new NameTakenException(object);
    }
  }

  @Override
  protected HAClusterSpec initSpec() {
    return null;
  }

  @Override
  protected HAClusterStatus initStatus() {
    return null;
  }
}
