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
              Found.by(378)),
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
              Found.by(1130)),
          new SeededBug(
              0,
              "operator/Legacy.java",
              "return Math.max(record.term(), floor) + 1;",
              "return record.term() + 1;",
              "After an old record came back nobody obeys any leader.",
              Found.by(963)),
          new SeededBug(
              12,
              "adjudicate/Successor.java",
              "return picture.is(primary, MemberClass.STEADY)\n        ? members",
              "return true\n        ? members",
              "What a primary wrote before it died is nobody's when it returns in a new pod.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(1929)),
          new SeededBug(
              3,
              "adjudicate/Routing.java",
              "isEmpty() && mayBeOlder(picture)",
              "isEmpty() && false",
              "A new leader leads users by an older record before others can say that it is one.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(4414)),
          new SeededBug(
              12,
              "adjudicate/ClusterRecord.java",
              "newMembers, committed, mandate, departed);",
              "newMembers, committed, mandate, Map.of());",
              "That a member led is forgotten where the spec drops it.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(3605)),
          new SeededBug(
              11,
              "sync/Puller.java",
              "before.memory().isEmpty() ? _ -> true : written(before)",
              "written(before)",
              "What users wrote on a disk without a memory is nobody's.",
              Found.by(1737)),
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
              Found.by(563)),
          new SeededBug(
              0,
              "operator/SteadyClock.java",
              "return begin.plusNanos(nanoTime.getAsLong() - beginNanos);",
              "return wall.instant();",
              "A clock that is set back holds up repairs and failovers.",
              Found.by(17)),
          new SeededBug(
              9,
              "adjudicate/Exposed.java",
              "return before.with(before.since(), before.nextSince(), unknown(before, leading, now));",
              "return before.none();",
              "Silence ends an exposure.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(2)),
          new SeededBug(
              9,
              "adjudicate/Exposed.java",
              ".or(() -> begin(before, leading, committed.get()))",
              "",
              "What was written before this leader looked is exposed since it looked.",
              Found.not("its members lose no disks and no record that way"),
              Found.by(7)),
          new SeededBug(
              4,
              "adjudicate/RotPlanner.java",
              "if (orders.isReady(name) && donor.isEmpty()) {",
              "if (primary && orders.isReady(name) && donor.isEmpty()) {",
              "Rows that only a member which is behind still has are asked for by the primary alone.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              3,
              "collect/DurableMemory.java",
              "if (!owner.isEmpty()) {",
              "if (false) {",
              "A copy of another member's disk counts as verified.",
              Found.by(852)),
          new SeededBug(
              11,
              "sidecar/GuestWork.java",
              "if (watch.rememberUsers(snapshot, users.sinceHeld(), QUICK)) {",
              "if (false) {",
              "That a user was there dies with the pod that saw it.",
              Found.by(2450)),
          new SeededBug(
              11,
              "sync/Puller.java",
              "if (replaces && !seen && users.sinceHeld()) {",
              "if (false) {",
              "What a user writes while a repair replaces rows is archived as nobody's.",
              Found.by(615)),
          new SeededBug(
              12,
              "adjudicate/Succession.java",
              "            .anyMatch(p -> own.filter(o -> !p.isAfter(o)).isEmpty());",
              "            .anyMatch(p -> false);",
              "A primary that lost what it had accepted overwrites who still has it.",
              Found.not("its members lose no disks and no record that way"),
              UNFOUND),
          new SeededBug(
              11,
              "sync/Copies.java",
              "} else if (newer && !written.contains(key)) {",
              "} else if (newer) {",
              "Where there is no room, what somebody wrote is not archived.",
              UNFOUND),
          new SeededBug(
              11,
              "sync/Copies.java",
              "} else if (newer && !written.contains(key)) {",
              "} else if (false) {",
              "A change that is larger than the archive holds up all that comes after it.",
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
              2,
              "collect/DurableMemory.java",
              "if (!written.isEmpty()) {",
              "if (false) {",
              "What somebody stores through a mapping is restored over as rot.",
              UNFOUND),
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
