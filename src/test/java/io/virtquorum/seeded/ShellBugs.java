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
              Found.UNFOUND),
          new SeededBug(
              0,
              "operator/Adjudication.java",
              "if (writeAgainAt.isPresent() && nanoTime() - writeAgainAt.get() >= 0) {",
              "if (false) {",
              "Nobody asks how a write without an answer ended, and nothing is decided any more.",
              Found.UNFOUND),
          new SeededBug(
              0,
              "operator/Adjudication.java",
              "deposed(log(Level.WARN).addKeyValue(\"member\", member), \"A member heard a newer leader\");",
              "",
              "A leader whose orders nobody obeys any more goes on giving them for ever.",
              Found.by(20000000)),
          new SeededBug(
              12,
              "operator/Adjudication.java",
              "if (revived != null) {",
              "if (false) {",
              "Who was taken for dead once is never heard again.",
              Found.by(10000001)),
          new SeededBug(
              15,
              "operator/Adjudication.java",
              "members.addAll(known.members().keySet());",
              "",
              "Who died and left is never heard again when the spec names it anew.",
              Found.UNFOUND),
          new SeededBug(
              0,
              "sidecar/Orders.java",
              "if (order.command().getTerm() < term) {",
              "if (false) {",
              "An order waits, a new leader comes, and the old one's order is obeyed.",
              Found.not(
                  "an order of an older term is not wanted either, and that is asked right after")),
          new SeededBug(
              8,
              "sidecar/GuestWork.java",
              "        snapshot.stale(),\n        snapshot.asks());",
              "        List.of(),\n        snapshot.asks());",
              "A ballot does not say who writes into what a repair replaced.",
              Found.by(466)),
          new SeededBug(
              2,
              "program/Joining.java",
              ".setLook(now.number());",
              ".setLook(goal instanceof Goal.Rows ? 0 : now.number());",
              "What a later look saw written is replaced as if it had rotted.",
              Found.UNFOUND),
          new SeededBug(
              2,
              "program/Looks.java",
              "return there && !moved && !doubted ? Change.Kind.ROT : Change.Kind.WRITTEN;",
              "return Change.Kind.WRITTEN;",
              "Rot is reported as written.",
              Found.by(1)),
          new SeededBug(
              2,
              "program/Looks.java",
              "|| !change.getSettled();",
              ";",
              "A write within the remembered ctime's tick looks like rot, and is taken back.",
              Found.by(2)),
          new SeededBug(
              3,
              "program/Looks.java",
              "trees.stream().allMatch(tree -> memory(tree).equals(first)) ? first",
              "trees.stream().anyMatch(tree -> memory(tree).equals(first)) ? first",
              "A member whose trees remember different states remembers the first one's.",
              Found.UNFOUND),
          new SeededBug(
              8,
              "program/Joining.java",
              "      if (!sight.matrix().root().equals(root)) {\n        return sight;\n      }\n",
              "",
              "A member remembers what it does not hold.",
              Found.by(10000031)),
          new SeededBug(
              8,
              "program/RowPlan.java",
              "        wanted.keySet().removeIf(written(before));\n",
              "",
              "What somebody wrote after rot was found there is restored over.",
              Found.UNFOUND),
          new SeededBug(
              11,
              "program/Joining.java",
              ".setUsers(seen)",
              ".setUsers(false)",
              "What users wrote is archived as nobody's.",
              Found.by(21000020)),
          new SeededBug(
              2,
              "program/Renewal.java",
              "snapshot.changesTotal() > 0 || !due.isOver()",
              "true",
              "Rot in what was written right before it was remembered is taken for a write.",
              Found.not(
                  "to the judge rot cannot be told from a write where no settled ctime is remembered")));

  private ShellBugs() {}
}
