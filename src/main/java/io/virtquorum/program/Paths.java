package io.virtquorum.program;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Memory;
import io.virtquorum.guest.wire.v1.Position;
import io.virtquorum.guest.wire.v1.Target;
import io.virtquorum.guest.wire.v1.Tree;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Rows as the protocol names them, by the index of their tree and the bytes of their path, and as
 * the rest of the sidecar does. Immutable.
 */
final class Paths {
  /** Bytes of paths and digests in a piece, about: a frame takes more. */
  private static final int PIECE = 128 << 10;

  private static final int OVERHEAD = 64;

  private final List<String> names;
  private final Map<String, Integer> indexes = new HashMap<>();

  Paths(List<Tree> trees) {
    this.names = trees.stream().map(Tree::getName).toList();
    names.forEach(name -> indexes.put(name, indexes.size()));
  }

  /** The row of a tree's path; a tree that is not known has no rows. */
  Optional<RowKey> key(int tree, ByteString path) {
    return tree >= 0 && tree < names.size()
        ? Optional.of(new RowKey(names.get(tree), path.toString(ISO_8859_1)))
        : Optional.empty();
  }

  /** For people. */
  String display(int tree, ByteString path) {
    return key(tree, path).map(RowKey::display).orElse("a row of no tree");
  }

  /** A digest of the protocol; empty where there is none, or one of another length. */
  static Optional<Digest> digest(ByteString bytes) {
    return bytes.size() == Digest.BYTES
        ? Optional.of(Digest.of(bytes.toByteArray()))
        : Optional.empty();
  }

  static ByteString bytes(Digest digest) {
    return ByteString.copyFrom(digest.bytes());
  }

  static Position position(io.virtquorum.fingerprint.Position position) {
    return Position.newBuilder()
        .setTenure(position.tenure())
        .setSequence(position.sequence())
        .build();
  }

  static Memory memory(Remembered remembered) {
    return Memory.newBuilder()
        .setPosition(position(remembered.position()))
        .setRoot(bytes(remembered.root()))
        .build();
  }

  /** Rows as they are to be, in pieces. Rows of no tree are left out. */
  List<Body.Builder> body(Map<RowKey, Optional<Digest>> rows) {
    List<Body.Builder> pieces = new ArrayList<>();
    int room = 0;
    for (var row : rows.entrySet()) {
      Integer tree = indexes.get(row.getKey().feature());
      if (tree == null) {
        continue;
      }
      int size = row.getKey().item().length() + OVERHEAD;
      if (size > room) {
        pieces.add(Body.newBuilder());
        room = PIECE;
      }
      room -= size;
      Target.Builder target =
          Target.newBuilder()
              .setTree(tree)
              .setPath(ByteString.copyFrom(row.getKey().item(), ISO_8859_1));
      row.getValue().ifPresent(digest -> target.setDigest(bytes(digest)));
      pieces.getLast().addTargets(target);
    }
    return pieces;
  }
}
