package io.virtquorum.simulate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.RowKey;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A process in a guest that keeps a file open, or mapped, and writes to it wherever that file is
 * now: a repair may have moved it into the archive. For one thread.
 */
final class OpenFile {
  private static final Pattern ARCHIVED = Pattern.compile("\\.virtquorum/archive/[^/]+/files/(.+)");

  private final World world;
  private final SimulatedVm vm;
  private final Volume volume;
  private final String tree;
  private final Opened opened;
  private final long inode;
  private final boolean mapped;
  private int left;

  /**
   * @param mapped it stores into pages: as long as one is not written out yet, no time changes
   * @param times how often it writes, once a second
   */
  OpenFile(World world, SimulatedVm vm, String tree, String path, boolean mapped, int times) {
    this.world = world;
    this.vm = vm;
    this.tree = tree;
    this.volume = vm.guest.mounts.get(tree);
    this.opened = Opened.of(vm.guest, tree, path);
    this.inode = opened.inode();
    this.mapped = mapped;
    this.left = times;
    world.story.tell("%s: somebody keeps %s %s", vm.name, path, mapped ? "mapped" : "open");
  }

  /** It writes, and once a second again, until the guest goes down or the file is nowhere. */
  void write() {
    List<String> places = opened.places();
    if (!opened.isOpen() || places.isEmpty()) {
      opened.close();
      return;
    }
    if (vm.guest.isAwake() && !vm.guest.quiesce.isStill()) {
      writeTo(places);
    }
    if (--left > 0) {
      world.timeline.after(Timeline.SECOND, this::write);
    } else {
      opened.close();
    }
  }

  /** The rows that it was, where it is in the archive now, each as the disk has it. */
  private Map<RowKey, Digest> moved(List<String> places) {
    Map<RowKey, Digest> rows = new HashMap<>();
    for (String place : places) {
      Matcher archived = ARCHIVED.matcher(place);
      if (archived.matches()) {
        RowKey row = new RowKey(world.truth.disks.feature(tree), archived.group(1));
        rows.put(row, world.truth.disks.platterDigest(volume.get(place)));
      }
    }
    return rows;
  }

  private void writeTo(List<String> places) {
    List<Content> before = new ArrayList<>();
    Map<RowKey, Digest> moved = moved(places);
    for (String place : places) {
      Node node = volume.get(place);
      before.add(node.content);
      before.add(node.written);
      if (node.content != node.written) {
        node.content.detectable = false; // from now on it looks written
      }
    }
    Content content =
        Content.of("kept open " + left + " on " + vm.name + " " + inode, Content.Origin.JOB);
    long old = volume.get(places.getFirst()).ctime;
    long time = mapped && volume.isUnsynced(inode) ? old : vm.guest.fileTime();
    try {
      volume.byOthers(() -> volume.writeOpen(places, content, time));
    } catch (Volume.NoRoom e) {
      return;
    }
    world.story.tell("%s: somebody writes %s = %s", vm.name, places, content);
    if (vm.podAddress().equals(world.api.led())) {
      before.forEach(one -> one.superseded = true);
    }
    world.truth.takenAway(before);
    world.truth.held(vm.guest);
    moved(places).forEach((row, now) -> world.truth.wroteMoved(vm.guest, row, moved.get(row), now));
    world.timeline.after(
        Timeline.SECOND / 5 + vm.random.nextLong(6 * Timeline.SECOND),
        () -> {
          if (vm.guest.isRunning() && vm.guest.boots() == opened.boots()) {
            volume.sync(); // the kernel writes back
          }
        });
  }
}
