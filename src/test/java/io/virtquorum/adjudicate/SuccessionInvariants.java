package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Remembered;
import java.util.Optional;

/**
 * What must be so whenever another member leads or joins, in words of its own (rules 10, 12, 15).
 */
final class SuccessionInvariants {
  private final SimulatedCluster cluster;

  SuccessionInvariants(SimulatedCluster cluster) {
    this.cluster = cluster;
  }

  void check(SimulatedLeader by, ClusterRecord before, ClusterRecord after) {
    if (before.committed().isEmpty()) {
      return;
    }
    after.members().keySet().stream()
        .filter(name -> !before.members().containsKey(name))
        .forEach(name -> joining(by, before.committed().get(), name));
    boolean asked =
        by.state.config().flatMap(Config::promote).equals(after.primary())
            || after.mandate().isPresent();
    if (!after.primary().equals(before.primary()) && !asked) {
      succeeding(by, before, before.primary().orElseThrow(), after.primary().orElseThrow());
    }
  }

  private void joining(SimulatedLeader by, Committed committed, String name) {
    check(
        memory(by, name).filter(m -> !committed.position().isAfter(m.position())).isPresent(),
        "%s counts as a member and does not remember the committed state",
        name);
  }

  private void succeeding(SimulatedLeader by, ClusterRecord before, String old, String next) {
    MemberState leading = by.state.member(old);
    if (leading.presence() == MemberState.Presence.DEAD) {
      newest(by, before, next);
      return;
    }
    if (leading.isUnableFor(Config.Timing.standard().patience(), cluster.now())) {
      newest(by, before, next);
      return;
    }
    check(leading.usable(), "%s lost its tenure, and neither died nor said anything", old);
    Ballot ballot = leading.ballot().orElseThrow();
    boolean forgot =
        memory(by, old)
            .filter(m -> !before.committed().get().position().isAfter(m.position()))
            .filter(m -> before.members().keySet().stream().noneMatch(n -> isNewer(by, n, m)))
            .isEmpty();
    boolean another = by.assessment.map(a -> a.classOf(old)).orElse(null) == MemberClass.BEHIND;
    if (forgot || another) {
      newest(by, before, next);
      return;
    }
    if (!isNamed(by, old) && holds(by, before.committed().get(), next)) {
      check(holds(by, before.committed().get(), old), "%s leaves, and with it what it wrote", old);
      check(isNamed(by, next), "%s leads, and is to leave too", next);
      return;
    }
    check(
        !ballot.hasUsers() && ballot.unchanged(), "%s has users or their writes and is left", old);
    check(by.state.member(next).ballot().get().hasUsers(), "nobody is at %s", next);
    long others =
        before.members().keySet().stream()
            .filter(m -> by.state.member(m).usable())
            .filter(m -> by.state.member(m).ballot().get().hasUsers())
            .count();
    check(others == 1, "users are at %d members, and %s leads", others, next);
  }

  /** It accepted more in the same tenure. */
  private static boolean isNewer(SimulatedLeader by, String name, Remembered than) {
    return by.state.member(name).usable()
        && memory(by, name)
            .map(Remembered::position)
            .filter(p -> p.tenure() == than.position().tenure() && p.isAfter(than.position()))
            .isPresent();
  }

  private static boolean isNamed(SimulatedLeader by, String name) {
    return by.state.config().orElseThrow().members().containsKey(name);
  }

  private static boolean holds(SimulatedLeader by, Committed committed, String name) {
    Optional<Ballot> ballot = by.state.member(name).ballot();
    return ballot.filter(b -> b.root().equals(committed.root())).isPresent()
        && memory(by, name).equals(Optional.of(committed.remembered()));
  }

  /** Nobody who is there holds something newer that was accepted. */
  private void newest(SimulatedLeader by, ClusterRecord before, String next) {
    Optional<Remembered> its = memory(by, next);
    check(its.isPresent(), "%s leads and remembers nothing", next);
    check(
        its.get().equals(before.committed().get().remembered())
            || its.get().position().compareTo(before.committed().get().position()) <= 0
            || its.get().position().tenure() == before.tenure(),
        "%s leads with %s, of a tenure that is over",
        next,
        its.get());
    for (String name : before.members().keySet()) {
      memory(by, name)
          .filter(m -> !before.isPrimary(name))
          .filter(m -> by.state.member(name).usable() && !by.state.member(name).isUnclear())
          .filter(m -> by.state.member(name).ballot().get().unchanged())
          .filter(m -> m.position().tenure() == before.tenure())
          .ifPresent(
              m ->
                  check(
                      !m.position().isAfter(its.get().position()),
                      "%s leads with %s and %s holds %s",
                      next,
                      its.get(),
                      name,
                      m));
    }
  }

  private static Optional<Remembered> memory(SimulatedLeader by, String name) {
    return by.state.member(name).ballot().flatMap(Ballot::memory);
  }

  private void check(boolean holds, String format, Object... arguments) {
    cluster.invariants.check(holds, format, arguments);
  }
}
