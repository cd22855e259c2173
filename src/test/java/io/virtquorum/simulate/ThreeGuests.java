package io.virtquorum.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Committed;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Three equal guests on one tree and their judge, for tests of the judge. For one thread. */
final class ThreeGuests {
  static final String TREE = "/srv/www";

  final Timeline timeline = new Timeline(new SplittableRandom(1));
  final Truth truth =
      new Truth(new FingerprintKey(new byte[32]), Map.of(TREE, "site"), new Story(false));
  final SimulatedGuest a;
  final SimulatedGuest b;
  final SimulatedGuest c;
  private final SyncNetwork network = new SyncNetwork();
  private final Content image = Content.of("image", Content.Origin.IMAGE);
  private ClusterRecord record = ClusterRecord.none();
  private SimulatedGuest led;

  ThreeGuests() {
    a = guest("a");
    b = guest("b");
    c = guest("c");
    truth.clients.led(() -> Optional.ofNullable(led));
  }

  private SimulatedGuest guest(String name) {
    SimulatedGuest guest =
        new SimulatedGuest(
            name, "10.0.0." + name, timeline, network, truth, new SplittableRandom(2));
    guest.mounts.put(TREE, blank());
    truth.add(guest);
    guest.powerOn();
    truth.held(guest);
    return guest;
  }

  /** A disk as it was in the beginning. */
  Volume blank() {
    Volume volume = new Volume(1, 1 << 20, 0);
    volume.write("page", image, 0644, 0, 0);
    volume.sync();
    return volume;
  }

  static Volume disk(SimulatedGuest guest) {
    return guest.mounts.get(TREE);
  }

  /** Users are led to this guest; null: nowhere. */
  void lead(SimulatedGuest guest) {
    led = guest;
    truth.judge();
  }

  /** Somebody writes a file, and the kernel writes it back. */
  Content write(SimulatedGuest guest, String path, String text, Content.Origin by) {
    Content content = Content.of(text, by);
    Node old = disk(guest).get(path);
    disk(guest).write(path, content, 0644, 0, 0);
    disk(guest).sync();
    if (by == Content.Origin.USER) {
      truth.userWrote(guest, content);
    }
    truth.takenAway(old == null ? List.of() : List.of(old.content));
    truth.did(guest, by);
    return content;
  }

  /** A repair makes a guest's file what it is on another. */
  void repair(SimulatedGuest guest, String path, SimulatedGuest like) {
    Node old = disk(guest).get(path);
    if (old != null) {
      disk(guest).makeDirectories(".virtquorum/archive/one/files", 0700, 0);
      disk(guest).create(".virtquorum/archive/one/files/" + path, old, 0);
    }
    disk(guest).write(path, disk(like).get(path).content, 0644, 0, 0);
    disk(guest).sync();
    truth.applied(guest);
  }

  /** What the first of these holds is remembered by all of them, and committed. */
  void commit(SimulatedGuest... holders) {
    long epoch = record.committed().map(Committed::epoch).orElse(0L) + 1;
    Matrix rows = truth.disks.matrix(holders[0], Disks.View.WRITTEN);
    var remembered = new Remembered(new Position(1, epoch), rows.root());
    for (SimulatedGuest holder : holders) {
      remember(holder, remembered, rows);
    }
    Optional<String> primary = record.primary().or(() -> Optional.of(holders[0].name));
    record(
        primary, Optional.of(new Committed(epoch, remembered.position(), remembered.root())), null);
  }

  private void remember(SimulatedGuest guest, Remembered remembered, Matrix rows) {
    Map<String, Digest> byPath = new TreeMap<>();
    rows.rows().forEach(row -> byPath.put(row.key().item(), row.digest()));
    disk(guest).makeDirectories(".virtquorum", 0700, 0);
    disk(guest)
        .write(".virtquorum/memory", MemoryFile.of(guest.name, remembered, byPath), 0600, 0, 0);
    disk(guest).sync();
    truth.remembered(guest, TREE);
  }

  /** Another primary is recorded, and users are led to it. */
  void failOver(SimulatedGuest to) {
    record(Optional.of(to.name), record.committed(), null);
    lead(to);
  }

  /** A person wants what this guest holds. */
  void promote(SimulatedGuest guest) {
    Digest root = truth.disks.root(guest);
    record(Optional.of(guest.name), record.committed(), root);
    lead(guest);
  }

  private void record(Optional<String> primary, Optional<Committed> committed, Digest mandate) {
    boolean another = mandate != null || !primary.equals(record.primary());
    ClusterRecord next =
        new ClusterRecord(
            1,
            record.tenure() + (another ? 1 : 0),
            primary,
            List.of(a, b, c).stream().collect(Collectors.toMap(g -> g.name, g -> 1)),
            committed,
            Optional.ofNullable(mandate),
            Map.of(),
            record.ended(),
            record.led());
    ClusterRecord before = record;
    record = next;
    truth.recorded(this, before, next);
    truth.judge();
  }

  /** Time passes. */
  void pass(long seconds) {
    long until = timeline.now() + seconds * Timeline.SECOND;
    while (timeline.step(until)) {
      // all that happens until then
    }
    truth.judge();
  }

  /** The leader shows this. */
  void shows(Optional<Long> since, Optional<Long> unknownSince) {
    truth.exposure.shows(
        new ExposureRules.Shown(moment(since), moment(unknownSince)), false, timeline.now());
  }

  private static java.util.OptionalLong moment(Optional<Long> seconds) {
    return seconds
        .map(s -> java.util.OptionalLong.of(s * Timeline.SECOND))
        .orElse(java.util.OptionalLong.empty());
  }

  static void violates(String invariant, Runnable action) {
    assertThatThrownBy(action::run)
        .isInstanceOfSatisfying(Violation.class, v -> assertThat(v.invariant).isEqualTo(invariant));
  }
}
