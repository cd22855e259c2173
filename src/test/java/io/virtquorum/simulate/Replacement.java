package io.virtquorum.simulate;

import io.virtquorum.port.RefusedException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A repair of one tree: a journal says what is to be done before the first row is replaced, and
 * what is replaced goes into the archive by the same step. For one thread.
 */
final class Replacement {
  static final String ARCHIVE = ProgramTree.OWN + "/archive";

  private final SimulatedGuest guest;
  private final ProgramTree tree;
  private final Volume volume;
  private final boolean resuming;
  private final List<String> late = new ArrayList<>();
  private final Set<String> lateAndReplaced = new HashSet<>();
  private Journal journal;

  /**
   * What is to be done.
   *
   * @param entry of the archive
   * @param single rows that somebody wrote since the look stay as they are
   * @param sparing no copies stay of what can be spared
   */
  record Journal(String entry, boolean single, boolean sparing, List<Step> steps) {}

  /**
   * A row of it.
   *
   * @param staged where what comes is; empty: the row goes
   * @param inode of what comes
   * @param was what a look saw; null: nothing
   * @param spared where there is no room, no copy of it need stay
   */
  record Step(
      String path, String staged, long inode, Node was, boolean attributed, boolean spared) {
    boolean removes() {
      return staged.isEmpty();
    }
  }

  /**
   * What the archive says of an entry.
   *
   * @param attributed it is never removed by itself
   */
  record Manifest(boolean attributed, long made) {}

  /**
   * How it ended.
   *
   * @param late rows that stayed as they are
   */
  record Done(int rows, String entry, List<String> late) {}

  Replacement(SimulatedGuest guest, ProgramTree tree, Journal journal, boolean resuming) {
    this.guest = guest;
    this.tree = tree;
    this.volume = tree.volume();
    this.journal = journal;
    this.resuming = resuming;
  }

  ProgramTree tree() {
    return tree;
  }

  boolean isEmpty() {
    return journal.steps().isEmpty();
  }

  /** The archive's entries. */
  static Map<String, Manifest> entries(Volume volume) {
    Map<String, Manifest> entries = new TreeMap<>();
    for (var one : volume.below(ARCHIVE).entrySet()) {
      String name = one.getKey().substring(ARCHIVE.length() + 1);
      if (name.endsWith("/manifest") && name.indexOf('/') == name.length() - 9) {
        one.getValue()
            .content
            .as(Manifest.class)
            .ifPresent(m -> entries.put(name.substring(0, name.length() - 9), m));
      }
    }
    return entries;
  }

  /** What an entry takes. */
  static long bytes(Volume volume, String entry) {
    return volume.below(ARCHIVE + "/" + entry + "/files").values().stream()
        .filter(Node::isFile)
        .mapToLong(Node::size)
        .sum();
  }

  /** How much of what it replaces goes into the archive. */
  long need(boolean sparingCopies) {
    journal = new Journal(journal.entry(), journal.single(), sparingCopies, journal.steps());
    return journal.steps().stream()
        .filter(step -> replaces(step) && !isSpared(step))
        .mapToLong(step -> volume.get(step.path()).size())
        .sum();
  }

  private boolean isSpared(Step step) {
    return journal.sparing() && step.spared() && !isStale(step, volume.get(step.path()));
  }

  private boolean replaces(Step step) {
    Node now = volume.get(step.path());
    return now != null && !now.isDirectory();
  }

  private static boolean isStale(Step step, Node now) {
    Node was = step.was();
    if (was == null || now == null) {
      return was != now;
    }
    if (was.isDirectory() && now.isDirectory()) {
      return was.inode != now.inode;
    }
    return was.type != now.type
        || was.inode != now.inode
        || was.size() != now.size()
        || was.mtime != now.mtime
        || was.ctime != now.ctime;
  }

  /** Makes durable what is to be done; false if the guest died meanwhile. */
  boolean begin(SimulatedCall call) throws RefusedException {
    call.checkOn();
    long time = guest.fileTime();
    String entry = free(journal.entry());
    journal = new Journal(entry, journal.single(), journal.sparing(), inOrder(journal.steps()));
    if (journal.steps().stream().anyMatch(this::replaces)) {
      volume.makeDirectories(ARCHIVE + "/" + entry + "/files", 0700, time);
      manifest(false);
    }
    if (guest.sprung()) {
      return false;
    }
    volume.write(
        Repairs.JOURNAL + ".new",
        Content.own(new byte[100 + 100 * journal.steps().size()], journal),
        0600,
        time,
        time);
    volume.sync();
    volume.move(Repairs.JOURNAL + ".new", Repairs.JOURNAL, time);
    volume.sync();
    return true;
  }

  private String free(String wanted) {
    String entry = wanted;
    for (int n = 2; volume.exists(ARCHIVE + "/" + entry); n++) {
      entry = wanted + "-" + n;
    }
    return entry;
  }

  private void manifest(boolean lateOnes) {
    boolean attributed =
        lateOnes || journal.steps().stream().anyMatch(s -> s.attributed() && replaces(s));
    String path = ARCHIVE + "/" + journal.entry() + "/manifest";
    Node before = volume.get(path);
    if (before != null) {
      attributed |= before.content.as(Manifest.class).filter(Manifest::attributed).isPresent();
    }
    long time = guest.fileTime();
    Content content = Content.own(new byte[100], new Manifest(attributed, time));
    volume.write(path + ".new", content, 0600, time, time);
    volume.sync();
    volume.move(path + ".new", path, time);
  }

  /**
   * What goes from below something that stops being a directory comes first, then what comes,
   * directories before what is in them, then what else goes, deepest first.
   */
  private List<Step> inOrder(List<Step> steps) {
    Map<String, Step> byPath = new TreeMap<>();
    steps.forEach(step -> byPath.put(step.path(), step));
    Comparator<Step> phases = Comparator.comparingInt(step -> phase(step, byPath));
    return steps.stream()
        .sorted(
            phases.thenComparing(
                (a, b) ->
                    a.removes() ? b.path().compareTo(a.path()) : a.path().compareTo(b.path())))
        .toList();
  }

  private int phase(Step step, Map<String, Step> byPath) {
    if (!step.removes()) {
      return 1;
    }
    for (String above = step.path(); !above.isEmpty(); ) {
      above = Volume.parent(above);
      Step other = byPath.get(above);
      if (other != null && !other.removes() && !volume.get(other.staged()).isDirectory()) {
        return 0;
      }
    }
    return 2;
  }

  /** Does all steps, each of which finds out whether it was done before. */
  Done carryOut(SimulatedCall call) throws RefusedException {
    for (Step step : journal.steps()) {
      step();
      if (!resuming) {
        call.checkOn();
      }
      guest.truth.promises.changes(guest, step.path(), call.asked);
      one(step);
      guest.truth.applied(guest);
    }
    step();
    volume.sync();
    boolean keeps = volume.exists(ARCHIVE + "/" + journal.entry());
    if (keeps && !lateAndReplaced.isEmpty()) {
      manifest(true);
    }
    long time = guest.fileTime();
    volume.remove(Repairs.JOURNAL, time);
    volume.sync();
    for (Step step : journal.steps()) {
      drop(step, time);
    }
    return new Done(
        journal.steps().size() - late.size(), keeps ? journal.entry() : "", List.copyOf(late));
  }

  private void drop(Step step, long time) {
    String copy = slot(0) + "/" + step.path();
    if (journal.sparing()
        && step.spared()
        && !lateAndReplaced.contains(step.path())
        && volume.exists(copy)
        && !volume.get(copy).isDirectory()) {
      guest.truth.repairs.unkept(guest, tree.path, step.path(), volume.get(copy));
      volume.remove(copy, time);
    }
    if (!step.removes()) {
      volume.remove(step.staged(), time);
    }
  }

  /** A crash between two steps of a repair leaves what was done. */
  private void step() {
    guest.work(guest.copying());
    if (guest.sprung()) {
      guest.timeline.sleep(Timeline.SECOND); // this process is dead and never goes on
    }
  }

  private void one(Step step) {
    Node now = volume.get(step.path());
    if (step.removes()) {
      if (now != null && !(resuming && now.inode != inode(step.was())) && goesOn(step, now)) {
        remove(step, now);
      }
      return;
    }
    Node staged = volume.get(step.staged());
    if (staged == null) {
      goOn(step, now);
    } else if (staged.inode != step.inode()) {
      volume.remove(step.staged(), guest.fileTime()); // a directory that was exchanged
    } else if (goesOn(step, now)) {
      put(step, now, staged);
    }
  }

  /** False if somebody wrote the row since the look, and it stays for that. */
  private boolean goesOn(Step step, Node now) {
    if (isStale(step, now)) {
      if (journal.single()) {
        late.add(step.path());
        return false;
      }
      lateAndReplaced.add(step.path());
    }
    return true;
  }

  private void remove(Step step, Node now) {
    long time = guest.fileTime();
    if (now.isDirectory() && !keepRest(step, time)) {
      return;
    }
    archive(step.path(), now, time);
    guest.truth.replaced(guest, tree.path, step.path(), now, null);
  }

  private void put(Step step, Node now, Node staged) {
    long time = guest.fileTime();
    if (now == null) {
      Node parent = volume.get(Volume.parent(step.path()));
      if (parent == null || !parent.isDirectory()) {
        late.add(step.path()); // somebody removed the directory that it belongs in
        return;
      }
      volume.move(step.staged(), step.path(), time);
    } else if (now.isDirectory() && staged.isDirectory()) {
      volume.attributes(step.path(), staged.mode, now.mtime, time);
    } else if (now.isDirectory()) {
      keepBelow(step.path(), time);
      volume.exchange(step.staged(), step.path(), time);
      volume.remove(step.staged(), time);
    } else {
      String slot = freeSlot(step.path(), time);
      volume.move(step.staged(), slot, time);
      volume.exchange(slot, step.path(), time);
    }
    guest.truth.replaced(
        guest, tree.path, step.path(), now, staged.isFile() ? volume.read(staged) : null);
  }

  /** Goes on with a row that is not in the stage any more. */
  private void goOn(Step step, Node now) {
    for (int n = 0; volume.exists(slot(n)); n++) {
      String slot = slot(n) + "/" + step.path();
      Node brought = volume.get(slot);
      if (brought != null && brought.inode == step.inode() && inode(now) != step.inode()) {
        if (now == null) {
          volume.move(slot, step.staged(), guest.fileTime());
          one(step);
        } else if (goesOn(step, now)) {
          volume.exchange(slot, step.path(), guest.fileTime());
          guest.truth.replaced(
              guest, tree.path, step.path(), now, brought.isFile() ? volume.read(brought) : null);
        }
        return;
      }
    }
  }

  private static long inode(Node node) {
    return node == null ? 0 : node.inode;
  }

  /** What nobody listed in a directory that goes is archived; false: it stays. */
  private boolean keepRest(Step step, long time) {
    if (volume.below(step.path()).isEmpty()) {
      return true;
    }
    if (journal.single()) {
      late.add(step.path());
      return false;
    }
    keepBelow(step.path(), time);
    return true;
  }

  private void keepBelow(String directory, long time) {
    for (String path : List.copyOf(volume.below(directory).descendingKeySet())) {
      Node node = volume.get(path);
      archive(path, node, time);
      guest.truth.replaced(guest, tree.path, path, node, null);
      lateAndReplaced.add(path);
    }
  }

  /** Something of the tree goes into the archive; a directory just goes. */
  private void archive(String path, Node node, long time) {
    if (node.isDirectory()) {
      volume.remove(path, time);
    } else {
      String to = freeSlot(path, time);
      volume.move(path, to, time);
    }
  }

  private String slot(int n) {
    return ARCHIVE + "/" + journal.entry() + "/files" + (n == 0 ? "" : "-" + (n + 1));
  }

  private String freeSlot(String path, long time) {
    if (!volume.exists(ARCHIVE + "/" + journal.entry() + "/manifest")) {
      volume.makeDirectories(slot(0), 0700, time);
      manifest(true);
    }
    int n = 0;
    while (volume.exists(slot(n) + "/" + path)) {
      n++;
    }
    String to = slot(n) + "/" + path;
    volume.makeDirectories(Volume.parent(to), 0700, time);
    return to;
  }
}
