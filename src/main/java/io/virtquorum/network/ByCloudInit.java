package io.virtquorum.network;

import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.kubevirt.VirtualMachineInstance;
import java.util.Map;
import java.util.Optional;

/**
 * Whether the guest program can come to a VM by cloud-init. KubeVirt 1.7 does not start a VM that
 * has no cloud-init volume and a sidecar that asks for it, and lets only one sidecar change it.
 * Pure.
 */
public final class ByCloudInit {
  /** Has a sidecar ask for it. */
  static final String ARGUMENT = "--cloud-init";

  private static final String NO_CLOUD = "cloudInitNoCloud";
  private static final String CONFIG_DRIVE = "cloudInitConfigDrive";

  private ByCloudInit() {}

  /** Why a sidecar must not ask for it, and what to do; empty: it may. */
  static Optional<String> obstacle(VirtualMachine vm, boolean hasOtherHooks) {
    if (!vm.hasVolumeOf(NO_CLOUD) && !vm.hasVolumeOf(CONFIG_DRIVE)) {
      return Optional.of(
          "the VM's template has no volume cloudInitNoCloud or cloudInitConfigDrive; add one, or"
              + " install virtquorum-guest in the guest");
    }
    return hasOtherHooks
        ? Optional.of(
            "the VM has another hook sidecar, and KubeVirt lets only one of them change what"
                + " cloud-init gets; install virtquorum-guest in the guest")
        : Optional.empty();
  }

  /** Why the program may not have come to a guest whose sidecar may ask for it; empty: unknown. */
  public static Optional<String> delay(VirtualMachine vm, VirtualMachineInstance running) {
    String hooks =
        Optional.ofNullable(running.getMetadata().getAnnotations())
            .orElse(Map.of())
            .getOrDefault(HookList.ANNOTATION, "");
    if (!hooks.contains('"' + ARGUMENT + '"')) {
      return Optional.of("the VM was started before it was to come so; restart it");
    }
    return vm.hasVolumeOf(NO_CLOUD)
        ? Optional.empty()
        : Optional.of(
            "a guest that booted before with cloudInitConfigDrive does not read it again; install"
                + " virtquorum-guest in the guest, or use cloudInitNoCloud");
  }
}
