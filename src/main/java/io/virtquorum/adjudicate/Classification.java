package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Remembered;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/** A member's class, and why. */
public record Classification(MemberClass memberClass, Cause cause) {

  /** Completes the sentence "(the member) is (class): ...". */
  public String why() {
    return cause.words();
  }

  /** True if the member may live and has not said what it holds. */
  boolean isUnheard() {
    return cause instanceof Cause.NotAttached || cause instanceof Cause.NotReported;
  }

  /** Every member of the record and of the spec. */
  static Map<String, Classification> all(State state, Config config) {
    Map<String, Classification> classes = new TreeMap<>();
    var names = new TreeSet<>(state.record().members().keySet());
    names.addAll(config.members().keySet());
    for (String name : names) {
      MemberState member = state.member(name);
      classes.put(
          name,
          switch (member.presence()) {
            case DEAD -> unknown(new Cause.Dead());
            case ABSENT -> unknown(new Cause.NotAttached());
            case ATTACHED -> of(state.record(), config.authority(), name, member.ballot());
          });
    }
    return classes;
  }

  /** Measures a ballot against the record (design, rules 2 and 3); numbered as they are read. */
  public static Classification of(
      ClusterRecord record, Authority authority, String member, Optional<Ballot> current) {
    // 1. Without a healthy ballot there is nothing to measure.
    if (current.isEmpty()) {
      return unknown(new Cause.NotReported());
    }
    Ballot ballot = current.get();
    if (ballot.trouble().isPresent()) {
      return unknown(new Cause.Ailing(ballot.trouble().get()));
    }
    // 2. Nor is there before the first epoch.
    if (record.committed().isEmpty()) {
      return unknown(new Cause.NothingCommitted());
    }
    Committed committed = record.committed().get();
    boolean primary = record.isPrimary(member);
    // 3. A person's word stands above what the member remembers, until it has accepted that state.
    if (primary && isOrdered(record, ballot)) {
      return new Classification(MemberClass.ADVANCED, new Cause.Promoted());
    }
    // 4. Behind: no memory, an older one, one from a tenure that a failover ended, or one that this
    // record cannot have given; whatever was written on top of it, and whoever it is.
    if (ballot.memory().isEmpty()) {
      return behind(new Cause.RemembersNothing());
    }
    Remembered memory = ballot.memory().get();
    if (ballot.root().equals(committed.root())
        && !memory.position().isAfter(committed.position())) {
      return steady(new Cause.HoldsCommitted());
    }
    if (memory.position().tenure() > record.tenure()) {
      return behind(new Cause.RemembersNewer(memory));
    }
    if (memory.position().equals(committed.position()) && !memory.root().equals(committed.root())) {
      return behind(new Cause.RemembersAnother(memory));
    }
    if (memory.position().compareTo(committed.position()) < 0
        && !(primary && isWrittenOnWhatWasOrdered(record, ballot))) {
      return behind(
          record.isOutlived(memory.position())
              ? new Cause.RemembersOutlived(memory.position())
              : new Cause.RemembersOlder(memory.position(), committed.position()));
    }
    if (!primary && record.isOutlived(memory.position())) {
      return behind(new Cause.RemembersOutlived(memory.position()));
    }
    // 5. Steady: exactly what it remembers.
    if (ballot.unchanged()) {
      return steady(
          memory.position().equals(committed.position())
              ? new Cause.HoldsCommitted()
              : new Cause.HoldsElected(memory.position()));
    }
    // 6. Advanced or drifted: by how the changes came about, unless the votes alone decide.
    if (authority == Authority.VOTES) {
      return changed(MemberClass.ADVANCED, ballot, Cause.By.ANYBODY);
    }
    List<Change> rot = ballot.rot();
    if (!rot.isEmpty()) {
      return new Classification(MemberClass.DRIFTED, new Cause.Rotted(Change.keys(rot)));
    }
    if (primary) {
      return changed(MemberClass.ADVANCED, ballot, Cause.By.PRIMARY);
    }
    if (record.departed().containsKey(member)) {
      return changed(MemberClass.ADVANCED, ballot, Cause.By.FORMER);
    }
    return ballot.usersSinceHeld()
        ? changed(MemberClass.ADVANCED, ballot, Cause.By.USER)
        : changed(MemberClass.DRIFTED, ballot, Cause.By.NOBODY);
  }

  /** The primary holds what a person ordered, and has not accepted anything in its tenure yet. */
  private static boolean isOrdered(ClusterRecord record, Ballot ballot) {
    return record.mandate().filter(ballot.root()::equals).isPresent()
        && !hasAccepted(record, ballot);
  }

  /** A person promoted it, users are led to it, and one of them wrote before it was accepted. */
  private static boolean isWrittenOnWhatWasOrdered(ClusterRecord record, Ballot ballot) {
    return record.mandate().isPresent() && !hasAccepted(record, ballot) && !ballot.unchanged();
  }

  private static boolean hasAccepted(ClusterRecord record, Ballot ballot) {
    return ballot.memory().filter(m -> m.position().tenure() == record.tenure()).isPresent();
  }

  private static Classification changed(MemberClass memberClass, Ballot ballot, Cause.By by) {
    return new Classification(
        memberClass, new Cause.Written(Change.keys(ballot.changes()), ballot.changesTotal(), by));
  }

  private static Classification unknown(Cause cause) {
    return new Classification(MemberClass.UNKNOWN, cause);
  }

  private static Classification behind(Cause cause) {
    return new Classification(MemberClass.BEHIND, cause);
  }

  private static Classification steady(Cause cause) {
    return new Classification(MemberClass.STEADY, cause);
  }
}
