package io.virtquorum.adjudicate;

/** What must be so whenever a whole repair is ordered after the first epoch (rule 7). */
final class RepairInvariants {
  private final SimulatedCluster cluster;

  RepairInvariants(SimulatedCluster cluster) {
    this.cluster = cluster;
  }

  void check(SimulatedLeader by, Step step, Command.Order order) {
    State state = step.state();
    boolean whole =
        state.work().job(order.id()).orElse(null) instanceof Job.Preparing preparing
            && preparing.repair().aim() instanceof Job.Aim.Whole;
    if (!whole
        || state.record().committed().isEmpty()
        || state.config().orElseThrow().authority() == Authority.VOTES) {
      return;
    }
    String name = ((Command.Serve) order).puller();
    MemberClass own = step.assessment().orElseThrow().classOf(name);
    if (own == MemberClass.STEADY) {
      return;
    }
    cluster.invariants.check(
        state.isDead(state.record().primary().orElseThrow())
            || state.member(name).strayedFor(SimulatedCluster.SETTLE, cluster.now()),
        "%s is repaired before the settle time",
        name);
    cluster.invariants.check(
        !agrees(state, step.assessment().orElseThrow(), name),
        "term %d repairs %s, which agrees with a majority against the primary",
        by.term,
        name);
  }

  /** It changed as a majority did, while the primary says that it still holds C. */
  private static boolean agrees(State state, Assessment assessment, String name) {
    var root = state.member(name).ballot().orElseThrow().root();
    var committed = state.record().committed().orElseThrow().remembered();
    MemberState primary = state.member(state.record().primary().orElseThrow());
    boolean holds =
        primary.usable()
            && primary.ballot().get().root().equals(committed.root())
            && primary.ballot().get().memory().filter(committed::equals).isPresent();
    long alike =
        state.record().members().keySet().stream()
            .filter(
                m ->
                    assessment.classOf(m) == MemberClass.ADVANCED
                        || assessment.classOf(m) == MemberClass.DRIFTED)
            .map(m -> state.member(m).ballot().orElseThrow())
            .filter(b -> b.rot().isEmpty() && b.root().equals(root))
            .count();
    return holds && alike >= state.record().majority();
  }
}
