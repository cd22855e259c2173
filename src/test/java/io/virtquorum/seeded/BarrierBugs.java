package io.virtquorum.seeded;

import java.util.List;

/** Bugs by which who waits for a commit is told of one that is none. */
final class BarrierBugs {
  private static final Found NOBODY_WAITS = Found.not("nobody in it waits for a commit");

  static final List<SeededBug> ALL =
      List.of(
          new SeededBug(
              9,
              "adjudicate/RecordedStanding.java",
              "        record.committed(),\n        hold.reason(),",
              "        assessment.target().map(t -> new Committed(1, t.position(), t.root())).or(record::committed),\n        hold.reason(),",
              "What is elected is confirmed before it is committed.",
              NOBODY_WAITS,
              Found.by(2)),
          new SeededBug(
              9,
              "adjudicate/RecordedStanding.java",
              "        record.isPrimary(member),\n        record.tenure(),\n        record.committed(),",
              "        true,\n        record.isPrimary(member) ? record.tenure() : state.member(member).ballot().flatMap(Ballot::memory).map(m -> m.position().tenure()).orElse(0L),\n        record.isPrimary(member) ? record.committed() : state.member(member).ballot().flatMap(Ballot::memory).map(m -> new Committed(1, m.position(), m.root())),",
              "Who lost its tenure is told that what it accepted in it is committed.",
              NOBODY_WAITS,
              Found.UNFOUND),
          new SeededBug(
              9,
              "adjudicate/RecordedStanding.java",
              "? state.news().confirmed() : 0",
              "? state.member(member).ballot().map(Ballot::asks).orElse(0L) : 0",
              "Who asks whether its member leads still is told so though nobody read the record.",
              NOBODY_WAITS,
              Found.not("a seed is still to be looked for")));

  private BarrierBugs() {}
}
