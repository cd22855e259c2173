package io.virtquorum.e2e;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The QEMU process of a VM, found on the machine that holds all nodes. */
final class Hypervisor {
  private final Host host;

  Hypervisor(Host host) {
    this.host = host;
  }

  /**
   * Kills the VM's QEMU as a crash would.
   *
   * @return when the signal was sent, by {@link System#nanoTime}
   */
  long kill(String namespace, String vm) {
    ProcessHandle qemu =
        find(namespace, vm)
            .orElseThrow(() -> new IllegalStateException("VM " + vm + " has no QEMU process"));
    // A process id may have gone to somebody else since it was found.
    if (!isQemuOf(qemu, namespace, vm)) {
      throw new IllegalStateException("The QEMU process of " + vm + " went away");
    }
    long now = System.nanoTime();
    host.run(Duration.ofSeconds(5), "kill", "-9", Long.toString(qemu.pid()));
    return now;
  }

  /** Its process, if it runs. */
  Optional<ProcessHandle> find(String namespace, String vm) {
    return ProcessHandle.allProcesses().filter(p -> isQemuOf(p, namespace, vm)).findFirst();
  }

  private static boolean isQemuOf(ProcessHandle process, String namespace, String vm) {
    try {
      byte[] line = Files.readAllBytes(Path.of("/proc/" + process.pid() + "/cmdline"));
      List<String> words = List.of(new String(line, StandardCharsets.UTF_8).split("\0", -1));
      return words.getFirst().contains("qemu")
          && words.stream().anyMatch(w -> w.startsWith("guest=%s_%s,".formatted(namespace, vm)));
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      return false; // it ended while it was read
    }
  }
}
