package io.virtquorum.sidecar;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a sidecar keeps for its next life beside the same VM: a subdirectory of the hooks directory
 * (KubeVirt takes every plain file there for a socket, and skips directories), which lives as long
 * as the pod. Not for many threads at once.
 */
public final class StateDirectory implements Users.Kept {
  private static final Logger log = LoggerFactory.getLogger(StateDirectory.class);

  /** The subdirectory's name. */
  static final String NAME = "virtquorum";

  private final Path directory;

  /**
   * @param hooks the hooks directory; the subdirectory is made
   * @throws IOException if it cannot be
   */
  public StateDirectory(Path hooks) throws IOException {
    directory = Files.createDirectories(hooks.resolve(NAME));
  }

  /** Where it is. */
  public Path path() {
    return directory;
  }

  /** Who this sidecar was in its last life; empty: the VM has not been defined yet. */
  public Optional<Identity> identity() {
    return lines("identity")
        .filter(lines -> lines.size() == 3)
        .map(lines -> new Identity(lines.get(0), lines.get(1), lines.get(2)));
  }

  /** Remembers who this sidecar is. */
  public void identity(Identity identity) {
    write("identity", List.of(identity.namespace(), identity.name(), identity.uid()));
  }

  /** The highest term that was obeyed; 0: none. */
  public long term() {
    return lines("term")
        .filter(lines -> lines.size() == 1 && lines.getFirst().matches("\\d{1,18}"))
        .map(lines -> Long.parseLong(lines.getFirst()))
        .orElse(0L);
  }

  /** Remembers the highest term. */
  public void term(long term) {
    write("term", List.of(Long.toString(term)));
  }

  @Override
  public boolean usersSinceHeld() {
    return lines("users").isPresent();
  }

  @Override
  public void usersSinceHeld(boolean used) {
    if (used) {
      write("users", List.of());
      return;
    }
    try {
      Files.deleteIfExists(directory.resolve("users"));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot forget users for the next life", e);
    }
  }

  private Optional<List<String>> lines(String name) {
    try {
      return Optional.of(Files.readAllLines(directory.resolve(name), StandardCharsets.UTF_8));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      log.atWarn().addKeyValue("file", name).setCause(e).log("Cannot read what the last life kept");
      return Optional.empty();
    }
  }

  private void write(String name, List<String> lines) {
    Path beside = directory.resolve(name + ".new");
    try {
      // Not by a channel: an order that is recalled interrupts its thread, which closes those.
      try (var out = new FileOutputStream(beside.toFile())) {
        for (String line : lines) {
          out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        }
      }
      Files.move(beside, directory.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot keep " + name + " for the next life", e);
    }
  }
}
