package io.virtquorum.sidecar;

/**
 * What KubeVirt asks of whoever stands beside a VM, whatever it asks through (today a hook sidecar,
 * later a plugin). Called from any thread.
 */
public interface DomainHook {
  /**
   * The domain that libvirt shall define; called two or three times a boot. Whatever it throws, the
   * VM starts with the domain as it was.
   *
   * @param domain a libvirt domain
   * @param vmi the VirtualMachineInstance as JSON
   */
  byte[] define(byte[] domain, byte[] vmi);

  /**
   * True if KubeVirt is to ask for {@link #cloudInit}, always the same; a VM without dies of it.
   */
  boolean usesCloudInit();

  /**
   * What the disk of cloud-init shall be made of; called once in the life of a pod. Whatever it
   * throws, the VM starts with what there was.
   *
   * @param data KubeVirt's CloudInitData as JSON, which may hold passwords
   * @param vmi the VirtualMachineInstance as JSON, with the same in it
   */
  byte[] cloudInit(byte[] data, byte[] vmi);

  /** The VM is gone for good; must not block. */
  void shutDown();
}
