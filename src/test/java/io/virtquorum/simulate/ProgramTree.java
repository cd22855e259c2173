package io.virtquorum.simulate;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Change;
import io.virtquorum.guest.wire.v1.Memory;
import io.virtquorum.guest.wire.v1.Position;
import io.virtquorum.guest.wire.v1.Row;
import io.virtquorum.guest.wire.v1.TreeState;
import io.virtquorum.guest.wire.v1.Watcher;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * A tree as the guest program knows it: its rows, by walks alone, and what is remembered of it. For
 * one thread.
 */
final class ProgramTree {
  static final String OWN = ".virtquorum";
  static final String MEMORY = OWN + "/memory";
  private static final String MARK = OWN + "/users";
  private static final String PREPARED = MEMORY + ".new";
  private static final int MOST_CHANGES = 1000;

  final String path;
  final String name;
  final int index;
  private final SimulatedGuest guest;
  private final TreeMap<String, Known> rows = new TreeMap<>();
  private final TreeMap<String, Long> changed = new TreeMap<>();
  private final boolean observed;
  private Optional<MemoryFile> memory = Optional.empty();
  private boolean opened; // its place was mounted when what is remembered was read
  private long version;
  private long seen = -1;
  private boolean again;
  private List<Change> changes = List.of();
  private long changesOf = -1;

  /** A row, as it was when it was read. */
  static final class Known {
    private Node node;
    Digest digest;
    boolean settled;
    boolean unread;
    private boolean late; // it was told as unread

    long inode() {
      return node.inode;
    }

    long ctime() {
      return node.ctime;
    }

    Node node() {
      return node;
    }
  }

  /**
   * @param observed nothing of it is touched or remembered
   */
  ProgramTree(SimulatedGuest guest, int index, String name, String path, boolean observed) {
    this.guest = guest;
    this.index = index;
    this.name = name;
    this.path = path;
    this.observed = observed;
    recall();
  }

  boolean isObserved() {
    return observed;
  }

  /** Its file system. */
  Volume volume() {
    return guest.mounts.get(path);
  }

  // Its place.

  /** What keeps it from being looked at. */
  Optional<Trouble> trouble() {
    Optional<Trouble> place = placeTrouble();
    if (place.isPresent() || observed || !volume().exists(Repairs.JOURNAL)) {
      return place;
    }
    return Optional.of(
        new Trouble(
            Trouble.Reason.GuestCommandFailed,
            "A repair of " + path + " was interrupted and cannot be ended"));
  }

  /** The same of where it lies alone. */
  Optional<Trouble> placeTrouble() {
    if (!guest.isMounted(path)) {
      return Optional.of(
          new Trouble(Trouble.Reason.NotMounted, path + " is not mounted; mount it"));
    }
    if (volume().isFailing()) {
      return Optional.of(new Trouble(Trouble.Reason.DiskFails, "The disk of " + path + " fails"));
    }
    if (volume().isReadOnly() && volume().exists(MEMORY)) {
      return Optional.of(
          new Trouble(
              Trouble.Reason.FileSystemReadOnly, path + " is mounted read-only; mount it again"));
    }
    return Optional.empty();
  }

  TreeState state() {
    TreeState.Builder state = TreeState.newBuilder().setName(name).setWatcher(Watcher.WATCHER_WALK);
    trouble().ifPresent(t -> state.setReason(t.reason().name()).setSentence(t.getMessage()));
    if (guest.isMounted(path)) {
      memory.ifPresent(file -> state.setMemory(memory(file)));
    }
    return state.build();
  }

  private static Memory memory(MemoryFile file) {
    return Memory.newBuilder()
        .setPosition(
            Position.newBuilder()
                .setTenure(file.remembered().position().tenure())
                .setSequence(file.remembered().position().sequence()))
        .setRoot(bytes(file.remembered().root()))
        .build();
  }

  static ByteString bytes(Digest digest) {
    return ByteString.copyFrom(digest.bytes());
  }

  static ByteString bytes(String path) {
    return ByteString.copyFrom(path, StandardCharsets.ISO_8859_1);
  }

  // Its rows.

  /** Another number whenever anything about the rows is. */
  long version() {
    return version;
  }

  Known row(String path) {
    return rows.get(path);
  }

  Map<String, Known> rows() {
    return rows;
  }

  /** Bytes that are still to be read. */
  long unread() {
    long bytes = 0;
    for (Known row : rows.values()) {
      bytes += row.unread ? row.node.size() : 0;
    }
    return bytes;
  }

  boolean isUnread() {
    return rows.values().stream().anyMatch(row -> row.unread);
  }

  /**
   * Looks at everything, and reads what is another file than before.
   *
   * @param number that the changes are to be known by
   */
  void walk(long number) {
    if (!opened) { // it was mounted after the program began (seed 21000222)
      recall();
    }
    Volume volume = volume();
    if (volume.treeVersion() == seen && !again) {
      return;
    }
    seen = volume.treeVersion();
    again = false;
    Set<String> gone = new HashSet<>(rows.keySet());
    volume
        .all()
        .forEach(
            (at, node) -> {
              if (!Volume.isOwn(at)) {
                gone.remove(at);
                look(at, node, number);
              }
            });
    for (String at : gone) {
      rows.remove(at);
      touch(at, number);
    }
    if (seen != volume.treeVersion()) {
      throw new IllegalStateException("a look changed the tree");
    }
  }

  private void look(String at, Node node, long number) {
    Known row = rows.get(at);
    if (row == null) {
      row = new Known();
      rows.put(at, row);
      row.unread = true;
      touch(at, number);
    } else if (!isSame(row.node, node)) {
      row.unread = true;
      touch(at, number);
    } else if (!row.settled && !row.unread && isPast(node)) {
      row.unread = true; // written in the tick of its ctime, perhaps once more after it was read
    }
    row.node = node;
    if (row.unread) {
      read(at, node, row, number);
    }
    again |= row.unread || !row.settled;
  }

  private static boolean isSame(Node before, Node now) {
    return before.inode == now.inode
        && before.type == now.type
        && before.ctime == now.ctime
        && before.mtime == now.mtime
        && before.mode == now.mode
        && before.size() == now.size();
  }

  private boolean isPast(Node node) {
    long second = Math.floorDiv(node.ctime, Timeline.SECOND);
    return second < guest.seconds() - 2 || second > guest.seconds() + 2;
  }

  private void read(String at, Node node, Known row, long number) {
    if (node.isFile()) {
      if (guest.hindrances.isSlow()) {
        row.late = true;
        return; // it is read on for a while
      }
      if (!observed && !volume().isReadOnly()) {
        volume().sync(at);
      }
    }
    Digest digest = guest.truth.disks.readDigest(node, node.isFile() ? volume().read(node) : null);
    if (row.late || !digest.equals(row.digest)) {
      touch(at, number); // what was told of it while it was unread counts no more (seed 30840)
    }
    row.late = false;
    row.digest = digest;
    row.settled = isPast(node);
    row.unread = false;
  }

  /** Whatever may have been written once more in the tick of its ctime is read again. */
  void fence(long number) {
    for (var entry : rows.entrySet()) {
      Known row = entry.getValue();
      if (!row.settled && !row.unread) {
        row.unread = true;
        read(entry.getKey(), row.node, row, number);
      }
      if (row.unread) {
        touch(entry.getKey(), number); // no look from before counts for what is read now
      }
    }
  }

  private void touch(String at, long number) {
    changed.put(at, number);
    version++;
  }

  /** Reads a row once more, from the disk. */
  void readBack(String at, long number) {
    Node node = volume().get(at);
    Known row = rows.get(at);
    if (node != null && row != null && isSame(row.node, node)) {
      if (node.isFile()) {
        volume().sync(at);
        if (volume().evict(node)) {
          guest.truth.held(guest);
        }
      }
      row.node = node;
      row.unread = true;
      read(at, node, row, number);
    }
  }

  /** Reads everything once more. */
  void audit(long number) {
    walk(number);
    for (String at : List.copyOf(rows.keySet())) {
      readBack(at, number);
    }
    again = true;
  }

  /** True if a row is not as it was at a look. */
  boolean isChangedSince(String at, long look) {
    return changed.getOrDefault(at, 0L) > look;
  }

  /** The rows, or those that are different since a look. */
  List<Row> list(long since) {
    List<Row> list = new ArrayList<>();
    if (since == 0) {
      rows.forEach((at, row) -> list.add(row(at, row)));
    } else {
      changed.forEach(
          (at, number) -> {
            if (number > since) {
              Known row = rows.get(at);
              list.add(
                  row == null
                      ? Row.newBuilder().setTree(index).setPath(bytes(at)).build()
                      : row(at, row));
            }
          });
    }
    return list;
  }

  private Row row(String at, Known row) {
    Row.Builder made = Row.newBuilder().setTree(index).setPath(bytes(at));
    if (row.unread) {
      return made.setTrouble("it is still to be read").build();
    }
    return made.setDigest(bytes(row.digest)).setSettled(row.settled).build();
  }

  // What is remembered.

  /** Reads what is remembered. */
  void recall() {
    opened = guest.isMounted(path);
    Node file = observed || !opened ? null : volume().get(MEMORY);
    memory =
        file == null
            ? Optional.empty()
            : file.content.memory().filter(one -> one.owner().equals(guest.name));
    changesOf = -1;
  }

  Optional<MemoryFile> memory() {
    return memory;
  }

  /** Makes durable what it is to remember. */
  void prepare(Remembered state) {
    prepare(state, pasts());
  }

  private void prepare(Remembered state, TreeMap<String, MemoryFile.Past> pasts) {
    Volume volume = volume();
    long time = guest.fileTime();
    volume.makeDirectories(OWN, 0700, time);
    volume.remove(PREPARED, time);
    volume.write(PREPARED, new MemoryFile(guest.name, state, pasts).content(), 0600, time, time);
    volume.sync();
  }

  /** What is different from what is remembered, read back from the disk. */
  TreeMap<String, Optional<Frozen.Row>> frozen() {
    TreeMap<String, Optional<Frozen.Row>> frozen = new TreeMap<>();
    for (Change change : changes()) {
      String at = change.getPath().toString(StandardCharsets.ISO_8859_1);
      Known row = rows.get(at);
      frozen.put(
          at,
          row == null
              ? Optional.empty()
              : Optional.of(
                  new Frozen.Row(
                      row.node, row.node.isFile() ? volume().read(row.node) : null, past(row))));
    }
    return frozen;
  }

  /** Makes durable that it is to remember what it did, with this in its place. */
  void prepare(Remembered state, Frozen frozen) {
    TreeMap<String, MemoryFile.Past> pasts = new TreeMap<>(memory.orElseThrow().rows());
    pasts.replaceAll(this::refreshed);
    frozen
        .trees()
        .get(index)
        .forEach(
            (at, row) -> row.ifPresentOrElse(r -> pasts.put(at, r.past()), () -> pasts.remove(at)));
    prepare(state, pasts);
  }

  /** What did not change has a ctime by now, perhaps, that a later write is told from. */
  private MemoryFile.Past refreshed(String at, MemoryFile.Past before) {
    Known row = rows.get(at);
    boolean still = row != null && row.settled && !row.unread;
    return still && row.digest.equals(before.digest()) ? past(row) : before;
  }

  /** Has it remember what was prepared. */
  void commit() {
    volume().move(PREPARED, MEMORY, guest.fileTime());
    volume().sync();
    guest.truth.remembered(guest, path);
    recall();
  }

  private boolean isPrepared(Remembered state) {
    Node file = observed || !guest.isMounted(path) ? null : volume().get(PREPARED);
    return file != null
        && file.content
            .memory()
            .filter(one -> one.owner().equals(guest.name) && one.remembered().equals(state))
            .isPresent();
  }

  private boolean remembers(Remembered state) {
    return memory.filter(one -> one.remembered().equals(state)).isPresent();
  }

  /** True if it remembers this, or has it prepared. */
  boolean couldRemember(Remembered state) {
    return remembers(state) || isPrepared(state);
  }

  /** Has it remember this, if it does not yet. */
  void becomes(Remembered state) {
    if (!remembers(state)) {
      commit();
    }
  }

  /**
   * That users were seen.
   *
   * @param since it was as this says; empty: nothing was remembered
   */
  record Mark(Optional<Remembered> since) {}

  /** Since when it is known that users were seen. */
  Optional<Mark> mark() {
    Node file = volume().get(MARK);
    return file == null ? Optional.empty() : file.content.as(Mark.class);
  }

  /** How users would be marked of what it remembers now. */
  Mark ownMark() {
    return new Mark(memory.map(MemoryFile::remembered));
  }

  /** Keeps that, or forgets it. */
  void mark(Optional<Mark> mark) {
    Volume volume = volume();
    if (mark.equals(mark())) {
      return;
    }
    long time = guest.fileTime();
    volume.makeDirectories(OWN, 0700, time);
    if (mark.isEmpty()) {
      volume.remove(MARK, time);
    } else {
      Content words = Content.own(new byte[80], mark.get());
      volume.write(MARK + ".new", words, 0600, time, time);
      volume.sync();
      volume.move(MARK + ".new", MARK, time);
    }
    volume.sync();
  }

  /** True if users were seen since it was as it remembers; if it remembers nothing, ever. */
  boolean isMarked() {
    return mark().filter(mark -> memory.isEmpty() || mark.equals(ownMark())).isPresent();
  }

  private TreeMap<String, MemoryFile.Past> pasts() {
    TreeMap<String, MemoryFile.Past> pasts = new TreeMap<>();
    rows.forEach((at, row) -> pasts.put(at, past(row)));
    return pasts;
  }

  private static MemoryFile.Past past(Known row) {
    return new MemoryFile.Past(row.digest, row.ctime(), row.inode(), row.settled);
  }

  /** What is different from what is remembered. */
  List<Change> changes() {
    if (changesOf != version) {
      changesOf = version;
      changes = memory.map(this::compare).orElse(List.of());
      if (changes.size() > MOST_CHANGES) {
        throw new IllegalStateException("the simulation has no such large trees");
      }
    }
    return changes;
  }

  private List<Change> compare(MemoryFile file) {
    List<Change> found = new ArrayList<>();
    Set<String> moved = new HashSet<>();
    TreeMap<String, Object> all = new TreeMap<>(file.rows());
    all.putAll(rows);
    for (String at : all.keySet()) {
      MemoryFile.Past before = file.rows().get(at);
      Known now = rows.get(at);
      if (before != null && now != null && !now.unread && before.digest().equals(now.digest)) {
        continue;
      }
      Change.Builder one = Change.newBuilder().setTree(index).setPath(bytes(at));
      if (before != null) {
        one.setBefore(bytes(before.digest())).setSettled(before.settled());
      }
      if (now != null && !now.unread) {
        one.setNow(bytes(now.digest));
      }
      if (before != null && now != null) {
        one.setCtimeMoved(before.settled() && before.ctime() != now.ctime());
        one.setInodeMoved(before.inode() != now.inode());
      }
      one.setParentMoved(isBelow(moved, at));
      if (!one.getParentMoved() && (before == null || now == null || one.getInodeMoved())) {
        moved.add(at);
      }
      found.add(one.build());
    }
    return found;
  }

  private static boolean isBelow(Set<String> moved, String at) {
    for (String above = at; !above.isEmpty(); ) {
      above = Volume.parent(above);
      if (moved.contains(above)) {
        return true;
      }
    }
    return false;
  }
}
