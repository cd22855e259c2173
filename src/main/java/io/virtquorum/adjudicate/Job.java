package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Something that was ordered and has not ended. */
sealed interface Job {
  String id();

  /** The member that becomes equal to something when this ends well. */
  String member();

  /** After this the order is unknown, neither done nor failed, and forgotten. */
  Instant deadline();

  /** True if the member has a part in it. */
  default boolean involves(String name) {
    return member().equals(name);
  }

  /** Whose sidecar has the order: nobody else's word on it counts. */
  default String asked() {
    return this instanceof Preparing preparing ? preparing.repair().sample() : member();
  }

  /** What it repairs, if it is a repair. */
  default Optional<Repair> repairing() {
    return switch (this) {
      case Preparing preparing -> Optional.of(preparing.repair());
      case Repairing repairing -> Optional.of(repairing.repair());
      case Proving _, Quieting _ -> Optional.empty();
    };
  }

  /** The command whose output it repairs, if it does that. */
  default Optional<String> output() {
    return repairing()
        .map(Repair::aim)
        .flatMap(aim -> aim instanceof Aim.Output o ? Optional.of(o.feature()) : Optional.empty());
  }

  /** True if the member writes to its state for it. */
  default boolean isWriting() {
    return this instanceof Repairing;
  }

  /** True if more of the member's state is replaced by it than rows that rotted. */
  default boolean isOverwriting() {
    return this instanceof Repairing repairing && !(repairing.repair().aim() instanceof Aim.Rows);
  }

  /** A member proves a root and remembers it. */
  record Proving(String id, String member, Position position, Digest root, Instant deadline)
      implements Job {}

  /** A member keeps its writers still, or lets them go on. */
  record Quieting(String id, String member, Duration still, Instant deadline) implements Job {}

  /** A repair whose sample is asked to serve. */
  record Preparing(String id, Repair repair, Instant deadline) implements Job {
    @Override
    public String member() {
      return repair.member();
    }

    @Override
    public boolean involves(String name) {
      return repair.involves(name);
    }
  }

  /** A repair under way. */
  record Repairing(String id, Repair repair, Instant deadline) implements Job {
    /** True if it needs that other member. */
    boolean isFrom(String sample) {
      return repair.sample().equals(sample) && !member().equals(sample);
    }

    @Override
    public String member() {
      return repair.member();
    }

    @Override
    public boolean involves(String name) {
      return repair.involves(name);
    }
  }

  /**
   * What a repair is to do.
   *
   * @param root what the sample is to serve
   * @param entry names what is replaced in the member's archive
   * @param finding why
   */
  record Repair(String member, String sample, Digest root, Aim aim, String entry, Finding finding) {
    boolean involves(String name) {
      return member.equals(name) || sample.equals(name);
    }

    Repair with(Aim newAim) {
      return new Repair(member, sample, root, newAim, entry, finding);
    }
  }

  /** What comes of a repair. */
  sealed interface Aim {
    /** The whole state becomes the sample's, and is remembered at this position. */
    record Whole(Position position) implements Aim {}

    /** Only these rows come back. */
    record Rows(List<Row> rows) implements Aim {}

    /** These rows come back, and those go, whoever wrote there: as it is remembered. */
    record Remembered(List<Row> rows, List<RowKey> gone) implements Aim {
      public Remembered {
        rows = List.copyOf(rows);
        gone = List.copyOf(gone);
      }
    }

    /** A command makes its output the sample's. */
    record Output(String feature, Digest digest) implements Aim {}
  }
}
