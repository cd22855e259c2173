package io.virtquorum.operator;

import io.virtquorum.adjudicate.Trouble;
import java.util.Map;
import java.util.Optional;

/** Members that should run and that KubeVirt cannot start. Pure. */
final class Startup {
  private static final String IMAGES =
      "an image cannot be pulled, the VM's own or the sidecar's %s, which the node pulls with the"
          + " secrets of the VM's pod";

  /** What KubeVirt says of a VM that does not start, and what that means. */
  private static final Map<String, String> CAUSES =
      Map.of(
          "ErrImagePull",
          IMAGES,
          "ImagePullBackOff",
          IMAGES,
          "ErrorUnschedulable",
          "no node takes it",
          "ErrorPvcNotFound",
          "a PersistentVolumeClaim of it is missing",
          "DataVolumeError",
          "a DataVolume of it failed",
          "CrashLoopBackOff",
          "its pod ends again and again");

  private Startup() {}

  /**
   * The first member that cannot start, for a person.
   *
   * @param sidecarImage the image of the sidecars
   */
  static Optional<Trouble> trouble(MemberSet members, String sidecarImage) {
    return members.machines().values().stream()
        .filter(vm -> CAUSES.containsKey(vm.printableStatus()))
        .findFirst()
        .map(
            vm -> {
              String name = vm.getMetadata().getName();
              return new Trouble(
                  "VMDoesNotStart",
                  "%s does not start, KubeVirt says %s: %s. See kubectl -n %s describe pod -l vm.kubevirt.io/name=%s."
                      .formatted(
                          name,
                          vm.printableStatus(),
                          CAUSES.get(vm.printableStatus()).formatted(sidecarImage),
                          vm.getMetadata().getNamespace(),
                          name));
            });
  }
}
