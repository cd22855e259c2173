package io.virtquorum.program;

import com.google.protobuf.ByteString;
import io.virtquorum.guest.wire.v1.Body;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.AbstractList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The guest programs that a sidecar has with it, all of its own version, and what became of them in
 * guests: each is tried once in a boot of the guest. One for the life of a sidecar. Safe for use by
 * many threads.
 */
public final class CarriedPrograms {
  private static final Logger log = LoggerFactory.getLogger(CarriedPrograms.class);
  private static final Pattern ARCHITECTURE = Pattern.compile("[a-z0-9]{1,20}");
  private static final int PIECE = 128 << 10;

  /** No guest takes a larger one. */
  static final long MOST_BYTES = 32L << 20;

  private static final int MOST_PUSHES = 3; // in one boot of a guest that the guest did not end

  private final String version;
  private final Optional<Path> directory;
  private final Map<String, Optional<Carried>> known = new HashMap<>();
  private final Map<String, Optional<String>> tried = new HashMap<>();
  private final Map<String, Integer> cutOff = new HashMap<>();

  private CarriedPrograms(String version, Optional<Path> directory) {
    this.version = version;
    this.directory = directory;
  }

  /** For a sidecar that updates nothing. */
  public static CarriedPrograms none() {
    return new CarriedPrograms("", Optional.empty());
  }

  /**
   * Those in a directory, {@code virtquorum-guest-ARCHITECTURE}.
   *
   * @param version of the sidecar, and of them
   */
  public static CarriedPrograms in(Path directory, String version) {
    return new CarriedPrograms(version, Optional.of(directory));
  }

  boolean isNone() {
    return directory.isEmpty();
  }

  String version() {
    return version;
  }

  /**
   * A program.
   *
   * @param size in bytes
   * @param digest SHA-256
   */
  record Carried(Path file, long size, ByteString digest) {
    /** The program in pieces, each read when it is taken: it never is in memory as a whole. */
    List<Body.Builder> pieces() {
      return new AbstractList<>() {
        @Override
        public Body.Builder get(int index) {
          return Body.newBuilder().setContent(piece(index));
        }

        @Override
        public int size() {
          return Math.toIntExact((size + PIECE - 1) / PIECE);
        }
      };
    }

    private ByteString piece(int index) {
      long at = (long) index * PIECE;
      ByteBuffer content = ByteBuffer.allocate((int) Math.min(PIECE, size - at));
      try (FileChannel channel = FileChannel.open(file)) {
        while (content.hasRemaining()) {
          if (channel.read(content, at + content.position()) < 0) {
            throw new IOException(file + " became shorter");
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return ByteString.copyFrom(content.flip());
    }
  }

  /** The program for an architecture; empty: there is none here. */
  synchronized Optional<Carried> program(String architecture) {
    return known.computeIfAbsent(architecture, this::find);
  }

  private Optional<Carried> find(String architecture) {
    if (directory.isEmpty() || !ARCHITECTURE.matcher(architecture).matches()) {
      return Optional.empty();
    }
    Path file = directory.get().resolve("virtquorum-guest-" + architecture);
    try {
      if (!Files.isRegularFile(file) || Files.size(file) == 0 || Files.size(file) > MOST_BYTES) {
        log.atInfo().addKeyValue("file", file).log("There is no guest program to update guests by");
        return Optional.empty();
      }
      MessageDigest sum = MessageDigest.getInstance("SHA-256");
      long size;
      try (InputStream content = new DigestInputStream(Files.newInputStream(file), sum)) {
        size = content.transferTo(java.io.OutputStream.nullOutputStream());
      }
      return Optional.of(new Carried(file, size, ByteString.copyFrom(sum.digest())));
    } catch (IOException e) {
      log.atWarn().setCause(e).log("A guest program to update guests by cannot be read");
      return Optional.empty();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** True if it was tried in this boot of a guest. */
  synchronized boolean wasTried(String bootId) {
    return tried.containsKey(bootId);
  }

  /** Why it failed in this boot of a guest; empty: it did not, or nobody need act. */
  synchronized Optional<String> failure(String bootId) {
    return tried.getOrDefault(bootId, Optional.empty());
  }

  /** A push of it was cut off; true: for the last time in this boot of the guest. */
  synchronized boolean cutOff(String bootId) {
    return cutOff.merge(bootId, 1, Integer::sum) >= MOST_PUSHES;
  }

  /** Remembers that it was tried. */
  synchronized void tried(String bootId, Optional<String> failure) {
    tried.put(bootId, failure);
  }
}
