package io.virtquorum.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** The data disk of a VM that does not run, changed from outside as by a rescue system. */
final class StoppedDisk {
  private static final Duration DEADLINE = Duration.ofSeconds(30);

  private final Host host;
  private final Path image;

  StoppedDisk(Host host, Member member) {
    this.host = host;
    this.image = member.disk();
  }

  /** Replaces a file of {@link Site}. */
  void replace(String path, String text) {
    try {
      Path content = Files.createTempFile("e2e-", ".txt");
      Path commands = Files.createTempFile("e2e-", ".debugfs");
      try {
        Files.writeString(content, text + "\n");
        Files.writeString(
            commands, "rm /www/%1$s\nwrite %2$s /www/%1$s\n".formatted(path, content));
        host.run(DEADLINE, "debugfs", "-w", "-f", commands.toString(), image.toString());
        String now = host.run(DEADLINE, "debugfs", "-R", "cat /www/" + path, image.toString());
        if (!now.contains(text)) {
          throw new IllegalStateException("The disk " + image + " was not changed: " + now);
        }
      } finally {
        Files.deleteIfExists(content);
        Files.deleteIfExists(commands);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
