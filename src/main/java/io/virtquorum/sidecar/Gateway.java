package io.virtquorum.sidecar;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The pod's default gateway. Where pods hang on a bridge it is the node's own address as they see
 * it, and kubelet's probes come from there. Other networks probe from elsewhere: Calico's gateway
 * is always 169.254.1.1, OVN-Kubernetes probes from the node's management port; such probes are
 * taken for users. Pure but for reading the routing table.
 */
final class Gateway {
  private Gateway() {}

  /** From this network namespace; empty: there is none, or it cannot be read. */
  static Optional<String> read() {
    try {
      return of(Files.readAllLines(Path.of("/proc/net/route")));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** From the lines of {@code /proc/net/route}: destination and gateway are little-endian hex. */
  static Optional<String> of(List<String> lines) {
    for (String line : lines) {
      String[] words = line.trim().split("\\s+");
      if (words.length > 2 && words[1].equals("00000000") && words[2].matches("[0-9A-F]{8}")) {
        long bytes = Long.parseLong(words[2], 16);
        if (bytes != 0) {
          return Optional.of(
              "%d.%d.%d.%d"
                  .formatted(bytes & 255, bytes >> 8 & 255, bytes >> 16 & 255, bytes >> 24 & 255));
        }
      }
    }
    return Optional.empty();
  }
}
