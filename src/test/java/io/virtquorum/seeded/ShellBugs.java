package io.virtquorum.seeded;

import java.util.List;

/** Bugs in the shells: in the operator, the sidecar, and what it does in its guest. */
final class ShellBugs {
  static final List<SeededBug> ALL =
      List.of(
          new SeededBug(
              0,
              "operator/RecordStore.java",
              "if (!present.equals(expected)) {",
              "if (false) {",
              "An operator that leads no more writes over its successor's record.",
              Found.by(10)),
          new SeededBug(
              0,
              "operator/RecordStore.java",
              "api.updateStatus(cluster).getMetadata().getResourceVersion().equals(before)",
              "false",
              "The fence only reads, and a write that was given up may come after it.",
              Found.by(1752)),
          new SeededBug(
              0,
              "operator/Adjudication.java",
              "if (writeAgainAt.isPresent() && nanoTime() - writeAgainAt.get() >= 0) {",
              "if (false) {",
              "Nobody asks how a write without an answer ended, and nothing is decided any more.",
              Found.by(15)),
          new SeededBug(
              0,
              "operator/Adjudication.java",
              "deposed(log(Level.WARN).addKeyValue(\"member\", member), \"A member heard a newer leader\");",
              "",
              "A leader whose orders nobody obeys any more goes on giving them for ever.",
              Found.by(2072766)),
          new SeededBug(
              12,
              "operator/Adjudication.java",
              "if (revived != null) {",
              "if (false) {",
              "Who was taken for dead once is never heard again.",
              Found.by(4)),
          new SeededBug(
              15,
              "operator/Adjudication.java",
              "members.addAll(known.members().keySet());",
              "",
              "Who died and left is never heard again when the spec names it anew.",
              Found.by(16151)),
          new SeededBug(
              0,
              "sidecar/Orders.java",
              "if (order.command().getTerm() < term) {",
              "if (false) {",
              "An order waits, a new leader comes, and the old one's order is obeyed.",
              Found.by(292)),
          new SeededBug(
              2,
              "collect/Changes.java",
              "before.wentThroughOs(item.entry()) ? Kind.WRITTEN : Kind.ROT",
              "Kind.WRITTEN",
              "Rot is reported as written.",
              Found.by(1)),
          new SeededBug(
              2,
              "collect/TreeMemory.java",
              "item.settled() ? item.entry().ctime() : UNKNOWN",
              "item.entry().ctime()",
              "A write within the remembered ctime's tick looks like rot, and is taken back.",
              Found.by(292)),
          new SeededBug(
              8,
              "sync/Puller.java",
              "row.getValue().isPresent() && !matrix.digest(row.getKey()).equals(row.getValue())",
              "false",
              "What was staged is applied though it is not what was offered.",
              Found.by(33)),
          new SeededBug(
              2,
              "sync/LateWrites.java",
              "? listed.filter(Entry::isFile).isPresent()",
              "? false",
              "What a user removes while it is restored from rot is there again.",
              Found.not("seed 107321 did, until a repair asked once more who was there")),
          new SeededBug(
              2,
              "sync/LateWrites.java",
              ": listed.filter(replaced::isSameAs).isEmpty();",
              ": true;",
              "What rots once more while it is restored is taken for a write, and put back.",
              Found.by(228207)),
          new SeededBug(
              8,
              "scripts/ScriptWatch.java",
              "if (!settled && !readOnly) {",
              "if (false) {",
              "A member votes while the guest may still execute a repair that was given up.",
              Found.by(694)),
          new SeededBug(
              8,
              "collect/MemoryStore.java",
              "      shell.run(COMMIT, deadline, new byte[0], tree.path());\n    }\n    Map<",
              "    }\n    Map<",
              "A member says that it remembers, and a power cut takes that back.",
              Found.by(6)),
          new SeededBug(
              11,
              "sync/Archive.java",
              "if (!entry.attributed()) {",
              "if (true) {",
              "What users wrote is removed from the archive when it grows too large.",
              Found.by(29)));

  private ShellBugs() {}
}
