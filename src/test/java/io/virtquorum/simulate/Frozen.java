package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What is different from what is remembered, kept as it was at one moment.
 *
 * @param number names it
 * @param look that it began with
 * @param trees by their index: the rows by path; empty: it is gone
 */
record Frozen(long number, long look, List<TreeMap<String, Optional<Row>>> trees) {
  /**
   * A row as it was.
   *
   * @param content of a file
   */
  record Row(Node node, Content content, MemoryFile.Past past) {}

  static Frozen of(long number, long look, List<ProgramTree> trees) {
    List<TreeMap<String, Optional<Row>>> frozen = new ArrayList<>();
    trees.forEach(tree -> frozen.add(tree.frozen()));
    return new Frozen(number, look, frozen);
  }

  /** The row of a file, link or directory that was changed then; empty: it is as it is. */
  Optional<Row> row(ProgramTree tree, String path) {
    Optional<Row> row = trees.get(tree.index).get(path);
    return row == null ? Optional.empty() : row;
  }

  /** True if it was changed then, or was gone. */
  boolean has(ProgramTree tree, String path) {
    return trees.get(tree.index).containsKey(path);
  }
}
