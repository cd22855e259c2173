package io.virtquorum.collect;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory files of a member's trees. All are written beside the old ones and made durable before
 * the first takes its place; so whenever one tree has the new memory, all others have it too, or
 * ready beside the old one, and a crash in between loses neither.
 */
final class MemoryStore {
  private static final Script DIRECTORY = Script.of(MemoryStore.class, "directory.sh");
  private static final Script COMMIT = Script.of(MemoryStore.class, "memory-commit.sh");
  private static final Script SWAP = Script.of(MemoryStore.class, "memory-swap.sh");
  private static final Logger LOG = LoggerFactory.getLogger(MemoryStore.class);
  private final Shell shell;
  private final List<Tree> trees;
  private final Predicate<Digest> configuration;

  /**
   * @param configuration tells which memories count, by what they were made for
   */
  MemoryStore(Shell shell, List<Tree> trees, Predicate<Digest> configuration) {
    this.shell = shell;
    this.trees = trees;
    this.configuration = configuration;
  }

  /**
   * The newest memory that all trees agree on, by tree; empty if there is none. One that an earlier
   * life wrote and did not put in force is made durable first, with the data that it speaks of:
   * until then a power cut could take it back.
   *
   * @param readOnly one that is not in force is left where it is, and does not count
   */
  Map<Tree, TreeMemory> load(boolean readOnly, Deadline deadline) throws GuestException, Trouble {
    List<List<TreeMemory>> found = new ArrayList<>();
    Map<Tree, TreeMemory> waiting = new LinkedHashMap<>();
    for (Tree tree : trees) {
      List<TreeMemory> here = new ArrayList<>();
      if (!readOnly) {
        read(tree, "memory.new", deadline)
            .ifPresent(
                memory -> {
                  here.add(memory);
                  waiting.put(tree, memory);
                });
      }
      read(tree, "memory", deadline).ifPresent(here::add);
      found.add(here);
    }
    Map<Tree, TreeMemory> agreed = trees.isEmpty() ? Map.of() : agreed(found);
    waiting.entrySet().removeIf(w -> !w.getValue().equals(agreed.get(w.getKey())));
    if (!waiting.isEmpty()) {
      for (Tree tree : trees) {
        shell.run(COMMIT, deadline, new byte[0], tree.path());
      }
      for (Tree tree : waiting.keySet()) {
        shell.run(SWAP, deadline, new byte[0], tree.path());
      }
    }
    return agreed;
  }

  /**
   * Makes the memories durable.
   *
   * @return each tree's mark of the file, as a listing shows it
   */
  Map<Tree, String> save(Map<Tree, TreeMemory> memories, Deadline deadline)
      throws GuestException, Trouble {
    for (var memory : memories.entrySet()) {
      Tree tree = memory.getKey();
      shell.run(DIRECTORY, deadline, new byte[0], tree.path());
      shell.put(tree.own() + "/memory.new", memory.getValue().encode(), deadline);
      shell.run(COMMIT, deadline, new byte[0], tree.path());
    }
    Map<Tree, String> marks = new LinkedHashMap<>();
    for (Tree tree : memories.keySet()) {
      marks.put(tree, Shell.text(shell.run(SWAP, deadline, new byte[0], tree.path())).strip());
    }
    return marks;
  }

  private Map<Tree, TreeMemory> agreed(List<List<TreeMemory>> found) {
    Map<Tree, TreeMemory> best = Map.of();
    for (TreeMemory candidate : found.getFirst()) {
      Map<Tree, TreeMemory> agreeing = new LinkedHashMap<>();
      for (int i = 0; i < trees.size(); i++) {
        for (TreeMemory other : found.get(i)) {
          if (other.remembered().equals(candidate.remembered())) {
            agreeing.putIfAbsent(trees.get(i), other);
          }
        }
      }
      boolean newer =
          best.isEmpty()
              || candidate
                  .remembered()
                  .position()
                  .isAfter(best.get(trees.getFirst()).remembered().position());
      if (agreeing.size() == trees.size() && newer) {
        best = agreeing;
      }
    }
    return best;
  }

  private Optional<TreeMemory> read(Tree tree, String file, Deadline deadline)
      throws GuestException, Trouble {
    var bytes = new ByteArrayOutputStream();
    shell.get(tree.own() + "/" + file, deadline, bytes::writeBytes);
    if (bytes.size() == 0) {
      return Optional.empty();
    }
    Optional<TreeMemory> memory = TreeMemory.decode(bytes.toByteArray());
    if (memory.isEmpty()) {
      LOG.atWarn()
          .addKeyValue("tree", tree.path())
          .addKeyValue("file", file)
          .log("A memory file is damaged or was partly written; it is ignored");
    } else if (!configuration.test(memory.get().configuration())) {
      LOG.atInfo()
          .addKeyValue("tree", tree.path())
          .log(
              "A memory was made for other trees, excludes or key, or by another member; it is ignored");
      return Optional.empty();
    }
    return memory;
  }
}
