package io.virtquorum.seeded;

import java.util.List;

/** Bugs at the edges of the promise: what was wrong there once, planted again. */
final class EdgeBugs {
  /** Planted and judged, but no run was long enough yet to name a seed. */
  private static final Found UNFOUND = Found.not("a seed is still to be looked for");

  static final List<SeededBug> ALL =
      List.of(
          new SeededBug(
              3,
              "adjudicate/Classification.java",
              "&& !(primary && isWrittenOnWhatWasOrdered(record, ballot))) {",
              "&& (!primary || ballot.unchanged())) {",
              "A primary whose disk is older than C leads on once something wrote on it.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(194)),
          new SeededBug(
              3,
              "adjudicate/Routing.java",
              "if (behind) {",
              "if (false) {",
              "Users are led to a primary that is behind.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(163)),
          new SeededBug(
              3,
              "adjudicate/OlderRecord.java",
              "return tenure > record.tenure();",
              "return false;",
              "A record that is older than the members' memories overwrites them.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              0,
              "operator/Legacy.java",
              "return Math.max(record.term(), floor) + 1;",
              "return record.term() + 1;",
              "After an old record came back nobody obeys any leader.",
              UNFOUND),
          new SeededBug(
              12,
              "adjudicate/Successor.java",
              "return picture.is(primary, MemberClass.STEADY)\n        ? members",
              "return true\n        ? members",
              "What a primary wrote before it died is nobody's when it returns in a new pod.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(242)),
          new SeededBug(
              3,
              "adjudicate/Routing.java",
              "isEmpty() && mayBeOlder(picture)",
              "isEmpty() && false",
              "A new leader leads users by an older record before others can say that it is one.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              12,
              "adjudicate/ClusterRecord.java",
              "newMembers, committed, mandate, departed);",
              "newMembers, committed, mandate, Map.of());",
              "That a member led is forgotten where the spec drops it.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              8,
              "adjudicate/RepairPlanner.java",
              "    rebuild(verdict);\n",
              "",
              "Where everybody drifted nobody leads, though they have the state together.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(293)),
          new SeededBug(
              7,
              "adjudicate/LeadingPrimary.java",
              "    if (primary.isEmpty()) {\n      return Ruling.of(picture.elect(keep));",
              "    if (primary.isEmpty()) {\n      return against(keep, \"it is dead\");",
              "A majority disagrees for ever with a primary that is dead.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              12,
              "adjudicate/Succession.java",
              "if (picture.member(primary).isUnableFor(config.patience(), picture.now())) {",
              "if (false) {",
              "Users stay with a primary whose file system is gone.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(2227)),
          new SeededBug(
              0,
              "operator/SteadyClock.java",
              "return begin.plusNanos(nanoTime.getAsLong() - beginNanos);",
              "return wall.instant();",
              "A clock that is set back holds up repairs and failovers.",
              UNFOUND),
          new SeededBug(
              9,
              "adjudicate/Exposed.java",
              "return last.with(last.since(), unknown(last, leading, now));",
              "return last.none();",
              "Silence ends an exposure.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(2)),
          new SeededBug(
              9,
              "adjudicate/Exposed.java",
              ".or(() -> begin(before, known))",
              "",
              "What was written before this leader looked is exposed since it looked.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(7)),
          new SeededBug(
              9,
              "adjudicate/Exposure.java",
              "since.map(at -> trail.held(position).orElse(at))",
              "Optional.of(now)",
              "A commit makes all that is newer as young as itself.",
              Found.not("nothing in it judges how long something is exposed"),
              Found.by(81)),
          new SeededBug(
              9,
              "adjudicate/Exposed.java",
              "return isDoubtful(leading, own)",
              "return false",
              "What a power cut made look like rot was never written.",
              Found.not("nothing in it judges how long something is exposed"),
              UNFOUND),
          new SeededBug(
              9,
              "adjudicate/MemberState.java",
              ".map(at -> blind.filter(at::isAfter).orElse(at))",
              "",
              "What nobody sees begins when the primary says that it ails.",
              Found.not("nothing in it judges how long something is exposed"),
              Found.by(12486)),
          new SeededBug(
              12,
              "adjudicate/Adjudicator.java",
              ".orElse(mayStillBeUnable(member))",
              ".orElse(false)",
              "A stream that flaps begins the patience with a primary anew.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              4,
              "adjudicate/RotPlanner.java",
              "if (orders.isReady(name) && donor.isEmpty()) {",
              "if (primary && orders.isReady(name) && donor.isEmpty()) {",
              "Rows that only a member which is behind still has are asked for by the primary alone.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              11,
              "sidecar/GuestWork.java",
              "if (watch.rememberUsers(snapshot, users.sinceHeld(), QUICK)) {",
              "if (false) {",
              "That a user was there dies with the pod that saw it.",
              UNFOUND),
          new SeededBug(
              12,
              "adjudicate/Succession.java",
              "            .anyMatch(p -> own.filter(o -> !p.isAfter(o)).isEmpty());",
              "            .anyMatch(p -> false);",
              "A primary that lost what it had accepted overwrites who still has it.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              14,
              "adjudicate/FirstEpoch.java",
              "if (voters.size() >= record.majority()) {",
              "if (!voters.isEmpty()) {",
              "One member of great weight outvotes all others in the first epoch's vote.",
              Found.not("what it begins with is right by definition"),
              Found.not("what it begins with is right by definition")),
          new SeededBug(
              8,
              "adjudicate/Adjudicator.java",
              ".filter(job -> job.asked().equals(finished.member()))",
              "",
              "Whoever says so ends another member's order.",
              Found.not("no sidecar in it lies"),
              Found.not("no sidecar in it lies")));

  private EdgeBugs() {}
}
