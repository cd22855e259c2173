package io.virtquorum.simulate;

import io.virtquorum.collect.CollectScripts;
import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Script;
import io.virtquorum.sync.Puller;
import io.virtquorum.sync.Quiet;
import io.virtquorum.sync.SyncScripts;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** VirtQuorum's scripts by their text, so that a simulated guest knows what it is asked to run. */
final class ScriptBook {
  private static final Map<String, String> NAMES = read();

  private ScriptBook() {}

  /**
   * The name of a script.
   *
   * @throws IllegalStateException if it is none that the simulation knows
   */
  static String name(String text) {
    String name = NAMES.get(text);
    if (name == null) {
      throw new IllegalStateException("the simulated guest does not know this script:\n" + text);
    }
    return name;
  }

  private static Map<String, String> read() {
    Map<String, String> names = new HashMap<>();
    for (String name :
        List.of(
            "directory.sh",
            "drop.sh",
            "get.sh",
            "memory-commit.sh",
            "memory-swap.sh",
            "put.sh",
            "tools.sh",
            "users.sh",
            "written.sh")) {
      names.put(Script.of(FileTrees.class, name).text(), name);
    }
    for (String name : List.of("hash.sh", "scan.sh")) {
      names.put(Script.of(FileTrees.class, "look.sh").then(FileTrees.class, name).text(), name);
    }
    for (String name :
        List.of(
            "apply.sh",
            "archive-list.sh",
            "archive-remove.sh",
            "finish.sh",
            "reach.sh",
            "serve.sh",
            "settle.sh",
            "stage.sh",
            "stop.sh",
            "unkeep.sh")) {
      names.put(Script.of(Puller.class, name).text(), name);
    }
    names.put(
        Script.of(Puller.class, "settle.sh").then(Puller.class, "prepare.sh").text(), "prepare.sh");
    names.put(Script.of(Quiet.class, "quiesce.sh").text(), "quiesce.sh");
    names.put("umask 077; mkdir -p \"$1\"", "mkdir");
    names.put("rm -f \"$1\"", "rm");
    names.put(CollectScripts.evidence(), "evidence");
    names.put(SyncScripts.setAddress(), "address");
    return Map.copyOf(names);
  }
}
