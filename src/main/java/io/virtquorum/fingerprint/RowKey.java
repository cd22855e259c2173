package io.virtquorum.fingerprint;

import java.nio.charset.StandardCharsets;

/**
 * Names one row of a matrix: a feature and an item within it.
 *
 * @param feature the feature's name in the HACluster
 * @param item for a file tree the path below its root, one char (0 to 255) for each byte of the
 *     name, since names on Linux are bytes and need not be text; the root itself is the empty
 *     string
 */
public record RowKey(String feature, String item) implements Comparable<RowKey> {
  /** Orders by feature, then by the bytes of the item, as {@code LC_ALL=C sort} does. */
  @Override
  public int compareTo(RowKey other) {
    int order = feature.compareTo(other.feature);
    return order != 0 ? order : item.compareTo(other.item);
  }

  /** The item as a person reads it: its bytes taken for UTF-8. */
  public String display() {
    String text = new String(item.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    return feature + ":" + (text.isEmpty() ? "." : text);
  }

  @Override
  public String toString() {
    return display();
  }
}
