package io.virtquorum.simulate;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.adjudicate.Departure;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.RowKey;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;

/** Judges what leaders show of writes that are not committed yet. For one thread. */
final class ExposureRules {
  /** A leader knows of a write by then, or that it does not know. */
  static final long DETECT = 30 * Timeline.SECOND;

  private static final long NEVER = Long.MAX_VALUE;

  private final Truth truth;
  private final Evolution evolution;
  private final BiConsumer<String, String> violated;
  private final Map<RowKey, Write> users = new HashMap<>();

  /** What another disk brought or took where users are led: nobody wrote that before. */
  private final Map<RowKey, Brought> brought = new HashMap<>();

  private Optional<SimulatedGuest> here = Optional.empty();
  private Shown last = Shown.NOTHING;
  private boolean changed = true;
  private long oldest = NEVER;

  /** What a user made of a row where users are led. */
  private record Write(Digest row, long at) {}

  private record Brought(Optional<Digest> row, long at) {}

  /**
   * What a leader shows.
   *
   * @param since when the exposure began; empty: nothing is exposed
   * @param unknownSince since when it does not know; empty: it knows
   */
  record Shown(OptionalLong since, OptionalLong unknownSince) {
    static final Shown NOTHING = new Shown(OptionalLong.empty(), OptionalLong.empty());

    /** A new leader may not know yet. */
    static final Shown UNKNOWN = new Shown(OptionalLong.empty(), OptionalLong.of(0));

    @Override
    public String toString() {
      return "exposure since %s, unknown since %s".formatted(seconds(since), seconds(unknownSince));
    }

    private static String seconds(OptionalLong at) {
      return at.isPresent() ? "%.1f s".formatted(at.getAsLong() / 1e9) : "-";
    }

    /** When what is shown begins; who says that he does not know may not know since when. */
    private long begins() {
      return unknownSince.isPresent() ? Long.MIN_VALUE : since.orElse(NEVER);
    }
  }

  /**
   * @param violated hears which invariant was broken, and how
   */
  ExposureRules(Truth truth, Evolution evolution, BiConsumer<String, String> violated) {
    this.truth = truth;
    this.evolution = evolution;
    this.violated = violated;
  }

  /** A guest's rows, or the record, are others. */
  void changed() {
    changed = true;
  }

  /** A user changed rows where users are led. */
  void wrote(List<Matrix.Difference> changes, long at) {
    for (Matrix.Difference change : changes) {
      if (change.theirs().isPresent()) {
        users.put(change.key(), new Write(change.theirs().get(), at));
      } else {
        users.remove(change.key());
      }
    }
  }

  /** A guest has another disk. */
  void diskReplaced(SimulatedGuest guest, List<Matrix.Difference> changes, long at) {
    if (here.filter(guest::equals).isPresent()) {
      changes.forEach(change -> brought.put(change.key(), new Brought(change.theirs(), at)));
    }
  }

  /** After each step: whether users are led to another guest now. */
  void judge() {
    Optional<SimulatedGuest> now = truth.clients.here();
    if (now.isPresent() && !now.equals(here)) {
      changed = true;
      here.ifPresent(before -> readsGoBackAsFarAsWasShown(before, now.get()));
      users.clear();
      brought.clear();
      here = now;
    }
  }

  /**
   * What the newest leader shows is never less than what is exposed.
   *
   * @param fresh it leads for less time than it may take to know
   */
  void shows(Shown shown, boolean fresh, long now) {
    ClusterRecord record = truth.record();
    if (here.isEmpty() || !record.isPrimary(here.get().name)) {
      return;
    }
    last = fresh ? Shown.UNKNOWN : shown;
    if (truth.clients.led().isEmpty() || isBehind(here.get())) {
      return; // users are led nowhere, or what it had is lost and not its own
    }
    if (!fresh && now - oldest() > DETECT && shown.begins() > oldest() + DETECT) {
      violated.accept(
          "Exposure",
          "what %s holds is not committed for %.1f s, and %s"
              .formatted(
                  here.get().name,
                  (now - oldest()) / 1e9,
                  shown.since().isPresent()
                      ? "%.1f s are shown".formatted((now - shown.since().getAsLong()) / 1e9)
                      : "nothing is said to be exposed"));
    }
  }

  private boolean isBehind(SimulatedGuest guest) {
    return truth
        .record()
        .committed()
        .filter(c -> !truth.disks.remembersFrom(guest, c.position()))
        .isPresent();
  }

  /** The oldest write where users are led that is not committed. */
  private long oldest() {
    if (changed) {
      changed = false;
      oldest = NEVER;
      Optional<Committed> committed = truth.record().committed();
      Matrix known = committed.map(c -> truth.holdings.matrix(c.root())).orElse(null);
      if (known != null && here.isPresent()) {
        Map<RowKey, Content> contents = truth.disks.contentsOf(here.get());
        Optional<Matrix> rotten = truth.holdings.rotten(here.get());
        for (Matrix.Difference row : known.differences(truth.holdings.latest(here.get()))) {
          // Rot on the platter of what is committed; and what could not be told from a write when
          // it rotted, but may be by now, because it was renamed back (seed 2731).
          if (Content.isRot(contents.get(row.key()))
              || rotten.map(m -> m.digest(row.key())).filter(row.mine()::equals).isPresent()) {
            continue;
          }
          OptionalLong at = evolution.sinceAtMost(row.key(), row.mine(), row.theirs());
          if (at.isPresent()) {
            oldest = Math.min(oldest, Math.max(at.getAsLong(), broughtAt(row)));
          }
        }
      }
    }
    return oldest == NEVER ? NEVER - DETECT : oldest;
  }

  /**
   * Of what another disk brought, as a row was there before somebody changed and changed it back:
   * the write is undone, and what looks like it is not older than the disk (seed 9962).
   */
  private long broughtAt(Matrix.Difference row) {
    Brought by = brought.get(row.key());
    return by != null && by.row().equals(row.theirs()) ? by.at() : Long.MIN_VALUE;
  }

  /** True if the failover itself says that something may be missing, and not since when. */
  private boolean isSaid(String former) {
    Departure departure = truth.record().departed().get(former);
    return departure != null && departure.exposure().contains("may be missing");
  }

  /** By a failover reads go back no further than the exposure that was shown. */
  private void readsGoBackAsFarAsWasShown(SimulatedGuest before, SimulatedGuest after) {
    if (truth.record().committed().isEmpty() || truth.record().mandate().isPresent()) {
      return; // a person wants it so
    }
    if (!after.isRunning()) {
      return; // nobody sees anything there; its disk may have been replaced meanwhile (seed 2593)
    }
    if (isSaid(before.name)) {
      return; // all statuses wait while the API server holds up the failover (seed 9124)
    }
    Matrix left = truth.holdings.latest(before);
    Matrix shown = truth.holdings.latest(after);
    long now = after.timeline.now();
    Map<RowKey, Content> contents = truth.disks.contentsOf(before);
    users.forEach(
        (key, write) -> {
          if (Content.isRot(contents.get(key))) {
            return; // rot that a touch made one with a write is nothing that he made (seed 6174)
          }
          Optional<Digest> there = shown.digest(key);
          Optional<Digest> written = Optional.of(write.row());
          boolean lacking =
              left.digest(key).equals(written)
                  && !there.equals(written)
                  && evolution.since(key, written, there).isEmpty();
          if (lacking && write.at() + DETECT < Math.min(last.begins(), now)) {
            violated.accept(
                "WentBack",
                "users are led from %s to %s, which lacks what a user made of %s %.1f s before, and %s"
                    .formatted(
                        before.name,
                        after.name,
                        key,
                        (now - write.at()) / 1e9,
                        last.since().isPresent()
                            ? "%.1f s were shown".formatted((now - last.since().getAsLong()) / 1e9)
                            : "nothing was said to be exposed"));
          }
        });
  }
}
