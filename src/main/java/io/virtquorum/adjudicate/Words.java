package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.RowKey;
import java.util.List;

/** Lists as people read them. Pure. */
final class Words {
  private static final int NAMED = 3;

  private Words() {}

  /** Ends with a full stop. */
  static String sentence(String text) {
    return text.endsWith(".") ? text : text + ".";
  }

  /** "a", "a and b", "a, b and c". */
  static String and(List<String> names) {
    int last = names.size() - 1;
    return last < 1
        ? String.join("", names)
        : String.join(", ", names.subList(0, last)) + " and " + names.get(last);
  }

  /**
   * Up to three rows by name, and how many more there are.
   *
   * @param total how many there are in truth, at least as many as are given
   */
  static String rows(List<RowKey> rows, int total) {
    List<String> named = rows.stream().limit(NAMED).map(RowKey::display).toList();
    if (named.isEmpty()) {
      return total + (total == 1 ? " row" : " rows");
    }
    return total > named.size()
        ? "%s and %d more".formatted(String.join(", ", named), total - named.size())
        : and(named);
  }
}
