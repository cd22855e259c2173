package io.virtquorum.operator;

import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.kubevirt.KubeVirtClient;
import io.virtquorum.kubevirt.KubeVirtException;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.network.NetworkException;
import io.virtquorum.network.SyncNic;
import java.util.Optional;

/** Takes NIC and sidecar out of a VM's spec. Idempotent; its running instance keeps both. */
final class Detachment {
  private final KubeVirtClient kubevirt;
  private final SyncNic nic;

  Detachment(KubeVirtClient kubevirt, SyncNic nic) {
    this.kubevirt = kubevirt;
    this.nic = nic;
  }

  /**
   * Takes them out.
   *
   * @return what a person must mend by hand
   * @throws KubeVirtException if the VM could not be patched now; try again
   */
  Optional<Trouble> detach(VirtualMachine vm) {
    try {
      kubevirt.patch(vm, nic.detach(vm));
    } catch (NetworkException e) {
      return Optional.of(new Trouble("VMNotReleased", e.getMessage()));
    } catch (KubeVirtException.NotFound e) {
      // the VM went meanwhile, and all that was added with it
    }
    return Optional.empty();
  }
}
