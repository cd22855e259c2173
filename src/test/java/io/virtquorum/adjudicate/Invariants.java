package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What must be so at every moment of every run, whatever happens. */
final class Invariants {
  private record Verified(String member, Remembered remembered) {}

  private record Content(String path, String content) {}

  private final SimulatedCluster cluster;
  private final Set<Verified> verified = new HashSet<>();
  private final Map<Long, Digest> epochs = new TreeMap<>();
  private final Map<Digest, Matrix> matrices = new HashMap<>();
  private final Set<Content> accepted = new HashSet<>();
  private final Map<Position, Digest> positions = new HashMap<>();
  private final Set<Content> rotten = new HashSet<>();
  private boolean heldBefore;

  /** Votes alone decide: the primary may be overwritten, which is what that costs. */
  boolean primaryMayLose;

  /** A person promoted a member, with whatever it held. */
  boolean promoted;

  private final SuccessionInvariants succession;
  private final TallyInvariants tallies;
  private final RepairInvariants repairs;

  Invariants(SimulatedCluster cluster) {
    this.cluster = cluster;
    this.succession = new SuccessionInvariants(cluster);
    this.tallies = new TallyInvariants(cluster);
    this.repairs = new RepairInvariants(cluster);
  }

  void remembered(SimulatedMember member) {
    Remembered remembered = member.disk.memory.orElseThrow().remembered();
    verified.add(new Verified(member.name, remembered));
    Digest other = positions.putIfAbsent(remembered.position(), remembered.root());
    check(
        other == null
            || other.equals(remembered.root())
            || primaryMayLose
            || cluster.record.committed().isEmpty(),
        "%s stands for two roots",
        remembered);
    matrices.put(member.disk.matrix().root(), member.disk.matrix());
    if (cluster.record.isPrimary(member.name)) {
      member.disk.contents().forEach((path, content) -> accepted.add(new Content(path, content)));
    }
  }

  /**
   * A row rots that is as remembered. Rot of a row that was written and not remembered since cannot
   * be told from the write (design, rule 2), nor any before there was something to measure against.
   */
  void rotted(SimulatedMember member, String path, String content) {
    var memory = member.disk.memory;
    SimulatedDisk.File file = member.disk.files.get(path);
    if (cluster.record.committed().isPresent()
        && file != null
        && memory.isPresent()
        && memory.get().files().containsKey(path)
        && memory.get().files().get(path).ctime() == file.ctime()) {
      rotten.add(new Content(path, content));
    }
  }

  private boolean isRotten(String path, Optional<Digest> digest) {
    return digest
        .filter(d -> rotten.contains(new Content(path, SimulatedDisk.content(d))))
        .isPresent();
  }

  /** Somebody or something else than us takes this content away: we do not answer for it. */
  void overwritten(SimulatedMember member, String path) {
    SimulatedDisk.File file = member.disk.files.get(path);
    if (file != null) {
      accepted.remove(new Content(path, file.content()));
    }
  }

  void wiped(SimulatedMember member) {
    member.disk.files.keySet().forEach(path -> overwritten(member, path));
    member.disk.archive.forEach(
        a ->
            a.replaced()
                .forEach((path, was) -> was.ifPresent(c -> accepted.remove(new Content(path, c)))));
  }

  void ordering(SimulatedLeader by, Step step, Command.Order order) {
    repairs.check(by, step, order);
  }

  /** A leader asks for another record, on what it knows at this moment. */
  void asking(SimulatedLeader by, ClusterRecord wanted) {
    succession.check(by, by.state.record(), wanted);
  }

  void recording(SimulatedLeader by, ClusterRecord before, ClusterRecord after) {
    check(by.term >= before.term(), "term %d wrote over term %d", by.term, before.term());
    check(after.term() == by.term, "term %d wrote as term %d", by.term, after.term());
    check(after.tenure() >= before.tenure(), "the tenure went back");
    check(
        after.primary().equals(before.primary()) || after.tenure() > before.tenure(),
        "another primary without a new tenure");
    Set<String> moved = new HashSet<>(before.members().keySet());
    moved.addAll(after.members().keySet());
    moved.removeIf(m -> before.members().containsKey(m) && after.members().containsKey(m));
    check(before.committed().isEmpty() || moved.size() <= 1, "%s moved at once", moved);
    if (after.committed().equals(before.committed())) {
      return;
    }
    Committed committed = after.committed().orElseThrow();
    long last = before.committed().map(Committed::epoch).orElse(0L);
    check(committed.epoch() == last + 1, "epoch %d after %d", committed.epoch(), last);
    check(
        before.committed().isEmpty()
            || committed.position().isAfter(before.committed().get().position()),
        "the position went back");
    Digest other = epochs.put(committed.epoch(), committed.root());
    check(other == null || other.equals(committed.root()), "two roots in one epoch");
    long holders =
        after.members().keySet().stream()
            .filter(m -> verified.contains(new Verified(m, committed.remembered())))
            .count();
    check(2 * holders > after.members().size(), "committed with %d holders only", holders);
    check(
        promoted
            || primaryMayLose
            || matrices.get(committed.root()).rows().stream()
                .noneMatch(r -> isRotten(r.key().item(), Optional.of(r.digest()))),
        "rot is committed as %s",
        committed);
  }

  /** Users are led to nobody who holds less than was committed, but by a person's word. */
  void routing(SimulatedLeader by, Route route) {
    ClusterRecord record = by.state.record();
    if (route.member().isEmpty() || record.committed().isEmpty() || record.mandate().isPresent()) {
      return;
    }
    SimulatedMember member = cluster.member(route.member().get());
    check(
        member
            .disk
            .memory
            .filter(
                m ->
                    !record.committed().get().position().isAfter(m.remembered().position())
                        || member.disk.matrix().root().equals(record.committed().get().root()))
            .isPresent(),
        "users are led to %s, which holds less than was committed",
        member.name);
  }

  void pulling(SimulatedMember member, Command.Pull order) {
    heldBefore = someoneHolds();
    check(
        cluster.record.committed().isPresent()
            || promoted
            || !cluster.config.bootstrap().equals(Config.Bootstrap.ask()),
        "%s is repaired before the first epoch though nobody asked for it",
        member.name);
    check(
        primaryMayLose
            || cluster.record.committed().isEmpty()
            || !cluster.record.isPrimary(member.name),
        "the primary %s is overwritten by %s",
        member.name,
        order);
  }

  void pulled(SimulatedMember member, Command.Pull order) {
    check(!heldBefore || someoneHolds(), "%s was the last holder: %s", member.name, order);
  }

  /** Some disk, running or not, holds the committed state or a newer accepted one. */
  private boolean someoneHolds() {
    if (cluster.record.committed().isEmpty()) {
      return false;
    }
    Committed committed = cluster.record.committed().get();
    return cluster.members.values().stream()
        .anyMatch(
            m -> {
              Digest root = m.disk.matrix().root();
              Optional<Remembered> memory = m.disk.memory.map(SimulatedDisk.Memory::remembered);
              boolean newer =
                  memory.isPresent() && memory.get().position().isAfter(committed.position());
              return root.equals(committed.root())
                  || (newer
                      && (memory.get().root().equals(root) || cluster.record.isPrimary(m.name)));
            });
  }

  void stepped(SimulatedLeader leader) {
    for (Hold hold : leader.state.news().holds()) {
      check(
          !hold.reason().isBlank() && hold.message().endsWith(".") && hold.until().endsWith("."),
          "%s is no sentence",
          hold);
    }
    leader.assessment.ifPresent(a -> tallies.check(leader.state, a));
  }

  void archived(SimulatedMember member, String verdict) {
    check(
        verdict.length() > member.name.length() && !verdict.contains("Optional"),
        "an archive entry of %s says no reason: '%s'",
        member.name,
        verdict);
  }

  void told(Command.Tell tell) {
    check(
        tell.reason().matches("[A-Z][A-Za-z]+")
            && !tell.message().contains("Optional")
            && !tell.message().contains("null"),
        "%s is nothing for people",
        tell);
  }

  /** What the primary accepted and nobody wrote over is committed, on a disk, or in an archive. */
  void nothingAcceptedIsLost() {
    for (Content content : accepted) {
      boolean committed =
          epochs.values().stream()
              .map(matrices::get)
              .anyMatch(
                  m ->
                      m.digest(SimulatedDisk.key(content.path()))
                          .equals(Optional.of(SimulatedDisk.digest(content.content()))));
      boolean kept =
          cluster.members.values().stream()
              .anyMatch(
                  m ->
                      content.content().equals(m.disk.contents().get(content.path()))
                          || m.disk.archives(content.path(), content.content()));
      check(committed || kept, "%s was accepted and is lost", content);
    }
  }

  void check(boolean holds, String format, Object... arguments) {
    if (!holds) {
      throw new AssertionError(String.format(format, arguments) + "\n" + cluster.story());
    }
  }
}
