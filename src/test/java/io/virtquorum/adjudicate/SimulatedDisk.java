package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What lasts of one member: its files, its durable memory and its archive. Rot is seen only by an
 * audit, as with a page cache above a disk.
 */
final class SimulatedDisk {
  /**
   * @param content what the disk holds
   * @param seen what was read of it last
   */
  record File(String content, String seen, long ctime) {}

  record RememberedFile(Digest digest, long ctime) {}

  record Memory(Remembered remembered, Map<String, RememberedFile> files) {}

  /**
   * @param replaced contents by path; empty where there was no file
   */
  record Archived(String verdict, Map<String, Optional<String>> replaced) {}

  final TreeMap<String, File> files = new TreeMap<>();
  final List<Archived> archive = new ArrayList<>();
  Optional<Memory> memory = Optional.empty();
  private long ctimes;
  private Matrix matrix;

  /** As a snapshot of the storage has it, the archive left out. */
  SimulatedDisk copy() {
    SimulatedDisk copy = new SimulatedDisk();
    copy.files.putAll(files);
    copy.memory = memory;
    copy.ctimes = ctimes;
    return copy;
  }

  /** Through the OS; null deletes. */
  void write(String path, String content) {
    matrix = null;
    if (content == null) {
      files.remove(path);
    } else {
      files.put(path, new File(content, content, ++ctimes));
    }
  }

  void rot(String path, String content) {
    files.computeIfPresent(path, (p, f) -> new File(content, f.seen(), f.ctime()));
  }

  void readAll() {
    matrix = null;
    files.replaceAll((p, f) -> new File(f.content(), f.content(), f.ctime()));
  }

  Matrix matrix() {
    if (matrix == null) {
      List<Row> rows = new ArrayList<>();
      files.forEach((path, file) -> rows.add(new Row(key(path), digest(file.seen()))));
      matrix = Matrix.of(rows);
    }
    return matrix;
  }

  void remember(Position position) {
    Map<String, RememberedFile> rows = new HashMap<>();
    files.forEach((p, f) -> rows.put(p, new RememberedFile(digest(f.seen()), f.ctime())));
    memory = Optional.of(new Memory(new Remembered(position, matrix().root()), rows));
  }

  List<Change> changes() {
    List<Change> changes = new ArrayList<>();
    if (memory.isPresent()) {
      TreeSet<String> paths = new TreeSet<>(files.keySet());
      paths.addAll(memory.get().files().keySet());
      for (String path : paths) {
        Optional<RememberedFile> before = Optional.ofNullable(memory.get().files().get(path));
        Optional<File> now = Optional.ofNullable(files.get(path));
        Optional<Digest> digest = now.map(f -> digest(f.seen()));
        if (!before.map(RememberedFile::digest).equals(digest)) {
          changes.add(
              new Change(
                  key(path),
                  isRot(path) ? Change.Kind.ROT : Change.Kind.WRITTEN,
                  before.map(RememberedFile::digest),
                  digest));
        }
      }
    }
    return changes;
  }

  /** Another content than the remembered one, and nobody wrote it. */
  boolean isRot(String path) {
    RememberedFile before = memory.map(m -> m.files().get(path)).orElse(null);
    File now = files.get(path);
    return before != null
        && now != null
        && before.ctime() == now.ctime()
        && !before.digest().equals(digest(now.seen()));
  }

  /** Replaces rows; what was there goes to the archive first. */
  void replace(Map<String, String> wanted, String verdict) {
    Map<String, Optional<String>> replaced = new LinkedHashMap<>();
    wanted
        .keySet()
        .forEach(p -> replaced.put(p, Optional.ofNullable(files.get(p)).map(File::content)));
    if (!replaced.isEmpty()) {
      archive.add(new Archived(verdict, replaced));
    }
    wanted.forEach(this::write);
  }

  /** A restored row is as remembered again, though its ctime is new. */
  void rememberCtime(String path) {
    Map<String, RememberedFile> rows = new HashMap<>(memory.orElseThrow().files());
    rows.put(path, new RememberedFile(rows.get(path).digest(), files.get(path).ctime()));
    memory = Optional.of(new Memory(memory.get().remembered(), rows));
  }

  boolean archives(String path, String content) {
    return archive.stream()
        .anyMatch(
            a -> Optional.of(content).equals(a.replaced().getOrDefault(path, Optional.empty())));
  }

  Map<String, String> contents() {
    Map<String, String> contents = new TreeMap<>();
    files.forEach((path, file) -> contents.put(path, file.content()));
    return contents;
  }

  /** Contents are at most 32 ASCII bytes, so that a digest can simply be the content. */
  static Digest digest(String content) {
    byte[] bytes = content.getBytes(StandardCharsets.US_ASCII);
    if (bytes.length > Digest.BYTES) {
      throw new IllegalArgumentException("too long: " + content);
    }
    return Digest.of(Arrays.copyOf(bytes, Digest.BYTES));
  }

  static String content(Digest digest) {
    return new String(digest.bytes(), StandardCharsets.US_ASCII).replace("\0", "");
  }

  static RowKey key(String path) {
    return new RowKey("site", path);
  }
}
