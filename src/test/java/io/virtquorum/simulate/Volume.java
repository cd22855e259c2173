package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * A file system on a disk, after the habits of ext4 and XFS: changes of metadata become durable in
 * their order, each as a whole with the times of the directories that it is in, at the latest with
 * the next sync of anything; a file's bytes only when it, or all, is synced. A power cut loses the
 * newest changes of metadata, and files that were not synced may be empty, cut short or old. What
 * the page cache holds of a file hides what rotted below it.
 *
 * <p>Paths are relative to the root, which is the empty string. For one thread.
 */
final class Volume {
  /** There is no room left on the disk, or nothing can be written there. */
  static final class NoRoom extends RuntimeException {
    NoRoom(String why) {
      super(why, null, false, false);
    }
  }

  private sealed interface Change {
    record Put(String path, Node node) implements Change {}

    record Remove(String path) implements Change {}

    record Move(String from, String to) implements Change {}
  }

  private static final long BLOCK = 512;

  private final TreeMap<String, Node> nodes = new TreeMap<>();
  private final TreeMap<String, Node> durable = new TreeMap<>();
  private final List<Change> pending = new ArrayList<>();
  private final List<Integer> ends = new ArrayList<>();
  private final Set<Long> unsynced = new HashSet<>();
  private final Map<Long, Content> cache = new HashMap<>();
  private final Map<Content, String> unseen = new HashMap<>();
  private Consumer<Content> leaving = content -> {};
  private final int device;
  private long lastInode = 10;
  private long used;
  private long capacity;
  private long version;
  private long treeVersion;
  private long writes;
  private boolean readOnly;
  private boolean failing;

  /**
   * @param device its number in a guest
   * @param capacity in bytes
   */
  Volume(int device, long capacity, long time) {
    this.device = device;
    this.capacity = capacity;
    put("", Node.directory(inode(), 0755, time));
    sync();
  }

  /** The same disk as it is durable now, for a later roll-back. */
  Volume copy() {
    Volume copy = new Volume(device, capacity, 0);
    copy.nodes.clear();
    copy.nodes.putAll(durable);
    copy.durable.putAll(durable);
    for (Node node : durable.values()) {
      if (node.content != null && node.content.unseenOn != null) {
        copy.unseen.put(node.content, node.content.unseenOn);
      }
    }
    copy.lastInode = lastInode;
    copy.used = copy.nodes.values().stream().mapToLong(Volume::room).sum();
    return copy;
  }

  /**
   * What users had written when it was copied whom no sidecar had seen then, and on which member.
   */
  Map<Content, String> unseen() {
    return unseen;
  }

  int device() {
    return device;
  }

  /** Changes with every change. */
  long version() {
    return version;
  }

  /** Changes with every change outside of .virtquorum. */
  long treeVersion() {
    return treeVersion;
  }

  /** How many changes the guest program made. */
  long writes() {
    return writes;
  }

  /** Somebody else than the guest program changes something. */
  void byOthers(Runnable changes) {
    long before = writes;
    try {
      changes.run();
    } finally {
      writes = before;
    }
  }

  /** Somebody hears from now on of bytes that lose a place here; there may be others. */
  void tell(Consumer<Content> listener) {
    leaving = listener;
  }

  private void left(Node node) {
    if (node.isFile() && node.content.origin != Content.Origin.OWN) {
      leaving.accept(node.content);
    }
  }

  long free() {
    return Math.max(0, capacity - used);
  }

  /** How many bytes there are room for beyond what is there. */
  void limit(long room) {
    capacity = used + room;
  }

  NavigableMap<String, Node> all() {
    return nodes;
  }

  NavigableMap<String, Node> platter() {
    return durable;
  }

  Node get(String path) {
    return nodes.get(path);
  }

  boolean exists(String path) {
    return nodes.containsKey(path);
  }

  /** What is below a directory, without itself. */
  NavigableMap<String, Node> below(String path) {
    return path.isEmpty()
        ? nodes.tailMap("", false)
        : nodes.subMap(path + "/", false, path + "0", false);
  }

  /** What a program reads: the page cache's, or else the platter's. */
  Content read(Node node) {
    Content cached = cache.get(node.inode);
    return cached == null ? node.content : cached;
  }

  long inode() {
    return ++lastInode;
  }

  /** The file system turns read-only, or can be written again. */
  void readOnly(boolean is) {
    readOnly = is;
    version++;
  }

  boolean isReadOnly() {
    return readOnly;
  }

  /** The disk fails to read and write, or works again. */
  void failing(boolean is) {
    failing = is;
    version++;
  }

  boolean isFailing() {
    return failing;
  }

  private void writable() {
    if (failing) {
      throw new NoRoom("Input/output error");
    }
    if (readOnly) {
      throw new NoRoom("Read-only file system");
    }
  }

  // What programs do.

  /** Makes a directory and those above it that are missing. */
  void makeDirectories(String path, int mode, long time) {
    if (!path.isEmpty() && !exists(path)) {
      makeDirectories(parent(path), mode, time);
      create(path, Node.directory(inode(), mode, time), time);
    }
  }

  /** Writes a file: in place if it is there, otherwise a new one. Not synced. */
  void write(String path, Content content, int mode, long mtime, long time) {
    writable();
    Node old = get(path);
    if (old != null && old.isFile()) {
      Node next = Node.file(old.inode, old.mode, mtime, time, content);
      room(room(next) - room(old));
      cache.remove(old.inode);
      unsynced.add(old.inode);
      put(path, next);
      end();
    } else {
      Node next = Node.file(inode(), mode, mtime, time, content);
      unsynced.add(next.inode);
      create(path, next, time);
    }
  }

  /** Puts an entry where there is none, or in the place of one, as rename does. */
  void create(String path, Node node, long time) {
    writable();
    Node old = get(path);
    room(room(node) - (old == null ? 0 : room(old)));
    put(path, node);
    touchParent(path, time);
    end();
  }

  /**
   * Who has a file open writes to it. Not synced.
   *
   * @param places all names of the file
   */
  void writeOpen(List<String> places, Content content, long time) {
    writable();
    Node old = get(places.getFirst());
    Node next = Node.file(old.inode, old.mode, time, time, content);
    room(places.size() * (room(next) - room(old)));
    cache.remove(old.inode);
    unsynced.add(old.inode);
    places.forEach(place -> put(place, next));
    end();
  }

  /** All names of the file with this inode. */
  List<String> places(long inode) {
    return nodes.entrySet().stream()
        .filter(entry -> entry.getValue().inode == inode)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** A file that was written and not synced has this inode now. */
  void unsynced(long inode) {
    unsynced.add(inode);
  }

  /** True if a power cut may take some of the bytes of the file with this inode. */
  boolean isUnsynced(long inode) {
    return unsynced.contains(inode);
  }

  /** Changes an entry's attributes. */
  void attributes(String path, int mode, long mtime, long time) {
    writable();
    put(path, get(path).touched(mode, mtime, time));
    end();
  }

  /** Removes an entry with all below it. */
  void remove(String path, long time) {
    if (!exists(path)) {
      return;
    }
    writable();
    List<String> all = new ArrayList<>();
    if (get(path).isDirectory()) {
      all.addAll(below(path).descendingMap().keySet());
    }
    if (!path.isEmpty()) {
      all.add(path);
    }
    for (String one : all) {
      take(one);
      touchParent(one, time);
      end();
    }
  }

  /** Renames an entry with all below it; what was in its place is gone. */
  void move(String from, String to, long time) {
    writable();
    if (exists(to)) {
      List<String> gone = new ArrayList<>(below(to).descendingMap().keySet());
      gone.add(to);
      gone.forEach(this::take);
    }
    changed(from, to);
    log(new Change.Move(from, to));
    moveIn(nodes, from, to);
    Node node = get(to);
    put(to, node.touched(node.mode, node.mtime, time));
    touchParent(from, time);
    touchParent(to, time);
    end();
  }

  /** Exchanges two entries, each with all below it: both are there at any moment. */
  void exchange(String one, String other, long time) {
    writable();
    if (!below(one).isEmpty() || !below(other).isEmpty()) {
      throw new IllegalStateException("only empty directories are exchanged");
    }
    Node first = get(one);
    Node second = get(other);
    put(one, second.touched(second.mode, second.mtime, time));
    put(other, first.touched(first.mode, first.mtime, time));
    touchParent(one, time);
    touchParent(other, time);
    end();
  }

  /** Makes everything durable. */
  void sync() {
    if (pending.isEmpty() && unsynced.isEmpty()) {
      return;
    }
    flush();
    unsynced.clear();
    durable.forEach(this::kept);
  }

  /** What is only staged may go again: its sample still has it. */
  private void kept(String path, Node node) {
    Content written = node.written;
    if (written != null && !(written.wasDurable && written.wasLive) && counts(path)) {
      written.wasDurable = true;
      written.wasLive |= !isOwn(path);
    }
  }

  /** True of the trees and of what is archived. */
  static boolean counts(String path) {
    return !isOwn(path) || path.startsWith(".virtquorum/archive/");
  }

  /** Makes one file's bytes durable, and all metadata. */
  void sync(String path) {
    Node node = get(path);
    if (node != null && (unsynced.contains(node.inode) || !pending.isEmpty())) {
      flush();
      unsynced.remove(node.inode);
      kept(path, node);
    }
  }

  // What happens to disks.

  /** Forgets what the page cache holds of a file; true if that was not what is on the platter. */
  boolean evict(Node node) {
    boolean hid = !unsynced.contains(node.inode) && cache.remove(node.inode) != null;
    version += hid ? 1 : 0;
    return hid;
  }

  /** Forgets all that the page cache holds. */
  boolean evictAll() {
    boolean hid = !cache.isEmpty();
    cache.clear();
    version += hid ? 1 : 0;
    return hid;
  }

  /**
   * The platter loses a file's bytes.
   *
   * @param hidden the page cache still has them
   * @return false if they are not on the platter yet
   */
  boolean rot(String path, Content rot, boolean hidden) {
    Node node = get(path);
    Node below = durable.get(path);
    if (unsynced.contains(node.inode) || below == null || below != node) {
      return false;
    }
    if (hidden) {
      cache.putIfAbsent(node.inode, node.content);
    } else {
      cache.remove(node.inode);
    }
    left(node);
    Node rotted = node.rotted(rot);
    nodes.put(path, rotted);
    durable.put(path, rotted);
    version++;
    return true;
  }

  /** What rotted passes for written from now on, because somebody writes there. */
  void accept(String path) {
    Node node = get(path);
    put(path, node.accepted());
    end();
  }

  /** True if a program may read something else than what is on the platter. */
  boolean hides() {
    return !cache.isEmpty();
  }

  /** Power is cut: what was not durable is lost, and some of it torn. */
  void crash(SplittableRandom random) {
    int whole = random.nextInt(ends.size() + 1);
    int kept = whole == 0 ? 0 : ends.get(whole - 1);
    for (int i = 0; i < kept; i++) {
      apply(durable, pending.get(i));
    }
    pending.clear();
    ends.clear();
    cache.clear();
    if (!unsynced.isEmpty()) {
      for (var entry : durable.entrySet()) {
        Node node = entry.getValue();
        if (node.isFile() && unsynced.contains(node.inode)) {
          entry.setValue(tear(node, random));
        }
      }
      unsynced.clear();
    }
    nodes.forEach(
        (path, node) -> {
          if (durable.get(path) != node) {
            left(node);
          }
        });
    nodes.clear();
    nodes.putAll(durable);
    used = nodes.values().stream().mapToLong(Volume::room).sum();
    version++;
    treeVersion++;
  }

  private static Node tear(Node node, SplittableRandom random) {
    byte[] bytes = node.content.bytes;
    int form = random.nextInt(3);
    if (form == 0 || bytes.length == 0) {
      return node; // it had reached the platter
    }
    int length = form == 1 ? 0 : random.nextInt(bytes.length);
    Content torn = new Content(java.util.Arrays.copyOf(bytes, length), Content.Origin.TORN);
    return new Node(
        node.inode, node.type, node.mode, node.mtime, node.ctime, torn, torn, node.target);
  }

  private void take(String path) {
    Node node = nodes.get(path);
    changed(path, path);
    used -= room(node);
    nodes.remove(path);
    left(node);
    log(new Change.Remove(path));
  }

  private void put(String path, Node node) {
    changed(path, path);
    Node old = nodes.put(path, node);
    if (old != null && old.content != node.content) {
      left(old);
    }
    used += room(node) - (old == null ? 0 : room(old));
    log(new Change.Put(path, node));
  }

  private void touchParent(String path, long time) {
    String parent = parent(path);
    Node node = nodes.get(parent);
    put(parent, node.touched(node.mode, time, time));
  }

  /** What was changed since the last end becomes durable as a whole. */
  private void end() {
    ends.add(pending.size());
  }

  private void log(Change change) {
    pending.add(change);
    writes++;
  }

  private void flush() {
    if (!pending.isEmpty()) {
      for (Change change : pending) {
        apply(durable, change);
      }
      pending.clear();
      ends.clear();
    }
  }

  private static void apply(TreeMap<String, Node> to, Change change) {
    switch (change) {
      case Change.Put put -> to.put(put.path(), put.node());
      case Change.Remove remove -> to.remove(remove.path());
      case Change.Move move -> moveIn(to, move.from(), move.to());
    }
  }

  private static void moveIn(TreeMap<String, Node> map, String from, String to) {
    Node top = map.remove(from);
    if (top != null && !top.isDirectory()) {
      map.put(to, top);
      return;
    }
    Map<String, Node> moved = new TreeMap<>();
    if (top != null) {
      moved.put(to, top);
    }
    var below = map.subMap(from + "/", false, from + "0", false);
    below.forEach((path, node) -> moved.put(to + path.substring(from.length()), node));
    below.clear();
    map.putAll(moved);
  }

  private void changed(String from, String to) {
    version++;
    if (!isOwn(from) || !isOwn(to)) {
      treeVersion++;
    }
  }

  private void room(long more) {
    if (more > 0 && used + more > capacity) {
      throw new NoRoom("No space left on device");
    }
  }

  private static long room(Node node) {
    return node.isFile() ? BLOCK + node.size() : BLOCK;
  }

  /** True for VirtQuorum's own directory and what is in it. */
  static boolean isOwn(String path) {
    return path.startsWith(".virtquorum") && (path.length() == 11 || path.charAt(11) == '/');
  }

  static String parent(String path) {
    int slash = path.lastIndexOf('/');
    return slash < 0 ? "" : path.substring(0, slash);
  }
}
