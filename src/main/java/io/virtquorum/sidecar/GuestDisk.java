package io.virtquorum.sidecar;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.virtquorum.cloudinit.CloudInitData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the guest program to a guest by cloud-init: by a small read-only disk, and by a boothook
 * in the user data that installs from it. Immutable.
 *
 * @param boothook run by cloud-init at every boot
 */
record GuestDisk(String boothook) {
  private static final Logger log = LoggerFactory.getLogger(GuestDisk.class);
  private static final String CARRIED = "virtquorum-guest.disk";

  /** QEMU opens it beside us, so its name never changes: a migration's target has it as well. */
  private static final String IMAGE = "guest.disk";

  /**
   * Puts the disk's image where QEMU finds it, before KubeVirt asks for anything.
   *
   * @param programs directory with what this sidecar carries
   * @param directory a subdirectory of the hooks directory
   * @return empty, and a line in the log, if it cannot be there
   */
  static Optional<GuestDisk> prepare(Path programs, Path directory) {
    Path image = directory.resolve(IMAGE);
    Path beside = directory.resolve(IMAGE + ".new");
    try (var script = GuestDisk.class.getResourceAsStream("/cloudinit/boothook.sh")) {
      String boothook = new String(script.readAllBytes(), US_ASCII);
      Files.copy(programs.resolve(CARRIED), beside, StandardCopyOption.REPLACE_EXISTING);
      Files.setPosixFilePermissions(beside, PosixFilePermissions.fromString("r--r--r--"));
      Files.move(beside, image, StandardCopyOption.ATOMIC_MOVE);
      return Optional.of(new GuestDisk(boothook));
    } catch (NoSuchFileException e) {
      log.atError()
          .addKeyValue("file", e.getFile())
          .log("This sidecar carries no guest program for cloud-init: install it in the guest");
    } catch (IOException | UncheckedIOException e) {
      log.atError()
          .setCause(e)
          .log("The disk with the guest program cannot be made: install it in the guest");
    }
    return Optional.empty();
  }

  /**
   * The domain with the disk, or as it was and a line in the log.
   *
   * @param directory the one of {@link #prepare}, as the compute container sees it
   */
  byte[] define(byte[] domain, String directory) {
    try {
      return DomainXml.withDisk(domain, directory + "/" + IMAGE);
    } catch (IllegalArgumentException e) {
      log.atError().log("The guest program does not come by cloud-init: {}", e.getMessage());
      return domain;
    }
  }

  /** The cloud-init data with the boothook, or as they were and a line in the log. */
  byte[] cloudInit(byte[] data, byte[] vmi) {
    CloudInitData merged = CloudInitData.with(data, vmi, boothook);
    merged
        .why()
        .ifPresentOrElse(
            why -> log.atError().log("The guest program does not come by cloud-init: {}", why),
            () -> log.atInfo().log("The guest program comes by cloud-init"));
    return merged.json();
  }
}
