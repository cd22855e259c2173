package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What one tree's memory file says. Format 1, big-endian: the magic {@code VQM1}, tenure, sequence
 * (8 bytes each), root, the configuration's digest (32 each), the number of rows (4), then a row's
 * length of path (4), path, digest (32), ctime, inode (8 each); at last the SHA-256 of all before.
 *
 * @param configuration a keyed digest of the trees' names, paths and excludes: rows read under
 *     another one cannot be compared
 * @param rows by path
 */
record TreeMemory(Remembered remembered, Digest configuration, Map<String, Past> rows) {
  private static final int MAGIC = 0x56514d31;

  /** A ctime that says nothing, because a write in its tick would not have shown. */
  static final long UNKNOWN = Long.MIN_VALUE;

  /** A remembered row. */
  record Past(Digest digest, long ctime, long inode) {
    /** What to remember of an item. */
    static Past of(Item item) {
      return new Past(
          item.digest(), item.settled() ? item.entry().ctime() : UNKNOWN, item.entry().inode());
    }

    /** The same, of which nobody can say any more how it changed. */
    Past doubted() {
      return new Past(digest, UNKNOWN, inode);
    }

    /** True unless the ctime or the inode shows that nothing went through the OS. */
    boolean wentThroughOs(Entry now) {
      return ctime == UNKNOWN || ctime != now.ctime() || inode != now.inode();
    }
  }

  byte[] encode() {
    var bytes = new ByteArrayOutputStream(100 * rows.size() + 200);
    try (var out = new DataOutputStream(bytes)) {
      out.writeInt(MAGIC);
      out.writeLong(remembered.position().tenure());
      out.writeLong(remembered.position().sequence());
      out.write(remembered.root().bytes());
      out.write(configuration.bytes());
      out.writeInt(rows.size());
      for (var row : rows.entrySet()) {
        byte[] path = row.getKey().getBytes(ISO_8859_1);
        out.writeInt(path.length);
        out.write(path);
        out.write(row.getValue().digest().bytes());
        out.writeLong(row.getValue().ctime());
        out.writeLong(row.getValue().inode());
      }
      out.flush();
      out.write(sha(bytes.toByteArray(), bytes.size()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** Empty if the file is damaged, cut short, or of another format. */
  static Optional<TreeMemory> decode(byte[] file) {
    int length = file.length - Digest.BYTES;
    if (length < 0
        || !Arrays.equals(sha(file, length), Arrays.copyOfRange(file, length, file.length))) {
      return Optional.empty();
    }
    try (var in = new DataInputStream(new ByteArrayInputStream(file, 0, length))) {
      if (in.readInt() != MAGIC) {
        return Optional.empty();
      }
      var position = new Position(in.readLong(), in.readLong());
      Digest root = digest(in);
      Digest configuration = digest(in);
      int count = in.readInt();
      Map<String, Past> rows = HashMap.newHashMap(Math.min(count, length / 50));
      for (int i = 0; i < count; i++) {
        String path = new String(in.readNBytes(in.readInt()), ISO_8859_1);
        rows.put(path, new Past(digest(in), in.readLong(), in.readLong()));
      }
      return Optional.of(new TreeMemory(new Remembered(position, root), configuration, rows));
    } catch (IOException | IllegalArgumentException damaged) {
      return Optional.empty();
    }
  }

  private static Digest digest(DataInputStream in) throws IOException {
    return Digest.of(in.readNBytes(Digest.BYTES));
  }

  private static byte[] sha(byte[] bytes, int length) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      sha.update(bytes, 0, length);
      return sha.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
