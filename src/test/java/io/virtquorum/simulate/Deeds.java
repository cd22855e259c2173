package io.virtquorum.simulate;

import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.RowKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/** What users and software in the guests do to files, and what disks do to them. One thread. */
final class Deeds {
  static final List<String> FILES =
      List.of("index.html", "data", "log", "conf", "docs/a", "docs/b", "img/logo");

  /** Of who waits for a commit. */
  private static final long PATIENCE = 60 * Timeline.SECOND;

  private final World world;
  private long written;

  /** Who does what is being done. */
  private Content.Origin by = Content.Origin.JOB;

  Deeds(World world) {
    this.world = world;
  }

  /** A user comes, does something, and goes; nothing happens if the guest is not there. */
  void user(SimulatedVm vm, SplittableRandom random) {
    if (!isUsable(vm)) {
      return;
    }
    SimulatedGuest guest = vm.guest;
    Object connection = guest.people.connect();
    Matrix before = world.truth.holdings.latest(guest);
    change(vm, random, Content.Origin.USER);
    await(guest, before);
    int boots = guest.boots();
    world.timeline.after(
        50 * Timeline.MILLISECOND + random.nextLong(8 * Timeline.SECOND),
        () -> {
          if (guest.boots() == boots) {
            if (random.nextInt(3) == 0 && isUsable(vm)) {
              change(vm, random, Content.Origin.USER);
            }
            leave(guest, connection, boots);
          }
        });
  }

  /** Who wrote waits until that is committed, if that is wanted in this run. */
  private void await(SimulatedGuest guest, Matrix before) {
    Map<RowKey, Content> contents = world.truth.disks.contentsOf(guest);
    List<Matrix.Difference> written =
        before.differences(world.truth.holdings.latest(guest)).stream()
            // whoever touches what rotted below the page cache wrote none of that (seed 4045)
            .filter(row -> !Content.isRot(contents.get(row.key())))
            .toList();
    if (world.confirming && !written.isEmpty()) {
      guest.program.commit(PATIENCE, world.truth.confirmations.waits(guest, written));
    }
  }

  /** A user goes; who waits for writers that keep still stays connected. */
  private void leave(SimulatedGuest guest, Object connection, int boots) {
    if (guest.boots() != boots) {
      return;
    }
    if (guest.quiesce.isStill()) {
      world.timeline.after(2 * Timeline.SECOND, () -> leave(guest, connection, boots));
    } else {
      guest.people.disconnect(connection, world.timeline.now());
    }
  }

  /** A user comes, saves a file where it was, and goes. */
  Content save(SimulatedVm vm, SplittableRandom random) {
    Object connection = vm.guest.people.connect();
    Content content = next(vm, Content.Origin.USER);
    by = Content.Origin.USER;
    write(vm, world.trees.getFirst(), "saved", content, false);
    int boots = vm.guest.boots();
    world.timeline.after(Timeline.SECOND, () -> leave(vm.guest, connection, boots));
    return content;
  }

  void job(SimulatedVm vm, SplittableRandom random) {
    if (isUsable(vm)) {
      change(vm, random, Content.Origin.JOB);
    }
  }

  /** Software writes a file. */
  void job(SimulatedVm vm, String tree, String path) {
    if (isUsable(vm)) {
      by = Content.Origin.JOB;
      write(vm, tree, path, next(vm, Content.Origin.JOB), false);
    }
  }

  /**
   * Software writes faster than anybody can copy, wherever users are led, unless it is kept still.
   */
  void rush(long from, long until, SplittableRandom random) {
    SplittableRandom own = random.split();
    world.timeline.at(from, () -> hasten(until, own));
  }

  private void hasten(long until, SplittableRandom random) {
    SimulatedVm vm = world.served(random.nextLong());
    if (isUsable(vm) && !vm.guest.quiesce.isStill()) {
      by = Content.Origin.JOB;
      write(vm, world.trees.getFirst(), "log", next(vm, Content.Origin.JOB), false);
    }
    if (world.timeline.now() < until) {
      world.timeline.after(
          (40 + random.nextInt(120)) * Timeline.MILLISECOND, () -> hasten(until, random));
    }
  }

  /** The same software writes the same on all members within seconds. */
  void alike(SplittableRandom random) {
    alike(world.vms, FILES.get(random.nextInt(FILES.size())), random);
  }

  /** The same on some of them, and of one file. */
  void alike(List<SimulatedVm> vms, String path, SplittableRandom random) {
    Content content = Content.of("alike " + ++written, Content.Origin.JOB);
    String tree = world.trees.get(random.nextInt(world.trees.size()));
    for (SimulatedVm vm : vms) {
      world.timeline.after(
          random.nextLong(3 * Timeline.SECOND),
          () -> {
            if (isUsable(vm)) {
              by = Content.Origin.JOB;
              write(vm, tree, path, content, false);
            }
          });
    }
  }

  static boolean isUsable(SimulatedVm vm) {
    return vm.guest.isAwake()
        && !vm.guest.hindrances.hangs()
        && vm.guest.mounts.keySet().stream().allMatch(vm.guest::isMounted)
        && vm.guest.mounts.values().stream().noneMatch(v -> v.isFailing() || v.isReadOnly());
  }

  private void change(SimulatedVm vm, SplittableRandom random, Content.Origin origin) {
    String tree = world.trees.get(random.nextInt(world.trees.size()));
    String path = FILES.get(random.nextInt(FILES.size()));
    by = origin;
    switch (random.nextInt(14)) {
      case 0 -> remove(vm, tree, path);
      case 1 -> rename(vm, tree, "docs", "moved");
      case 2 -> rename(vm, tree, "moved", "docs");
      case 3 -> write(vm, tree, "new/" + random.nextInt(3) + "/file", next(vm, origin), false);
      case 4 -> {
        if (random.nextInt(6) == 0) {
          removeAll(vm, tree);
        } else {
          touch(vm, tree, path, random.nextInt(8));
        }
      }
      case 5 -> rename(vm, tree, path, "renamed-" + random.nextInt(3));
      case 6 -> remove(vm, tree, "new");
      default -> {
        write(vm, tree, path, next(vm, origin), random.nextBoolean());
        if (vm.guest.hasCoarseTimes()) {
          saveAgain(vm, tree, path, origin);
        }
      }
    }
  }

  /** Perhaps in the same tick, and after a look at what was saved first. */
  private void saveAgain(SimulatedVm vm, String tree, String path, Content.Origin origin) {
    later(
        vm,
        vm.random.nextLong(Timeline.SECOND),
        origin,
        () -> write(vm, tree, path, next(vm, origin), false));
  }

  /** Who is at it goes on in a while, unless the guest went meanwhile. */
  private void later(SimulatedVm vm, long nanos, Content.Origin who, Runnable action) {
    int boots = vm.guest.boots();
    world.timeline.after(
        nanos,
        () -> {
          if (isUsable(vm) && vm.guest.boots() == boots) {
            by = who;
            action.run();
          }
        });
  }

  private Content next(SimulatedVm vm, Content.Origin origin) {
    return Content.of(
        origin.name().toLowerCase(java.util.Locale.ROOT) + " " + ++written + " on " + vm.name,
        origin);
  }

  /**
   * Somebody writes a file.
   *
   * @param beside as editors do: a new file takes the old one's place. One that a power cut left
   *     half-way is overwritten by the next editor
   */
  void write(SimulatedVm vm, String tree, String path, Content content, boolean beside) {
    Volume volume = vm.guest.mounts.get(tree);
    List<String> touched = beside ? List.of(path, path + ".tmp") : List.of(path);
    doing(
        vm,
        volume,
        touched,
        "writes " + path + " = " + content,
        () -> {
          long time = vm.guest.fileTime();
          volume.makeDirectories(Volume.parent(path), 0755, time);
          if (beside) {
            volume.write(path + ".tmp", content, 0644, time, time);
            volume.move(path + ".tmp", path, time);
          } else {
            Node there = volume.get(path);
            if (there == null || there.isFile()) {
              volume.write(path, content, 0644, time, time);
            }
          }
          if (content.origin == Content.Origin.USER) {
            world.truth.userWrote(vm.guest, content);
          }
        });
  }

  private void remove(SimulatedVm vm, String tree, String path) {
    Volume volume = vm.guest.mounts.get(tree);
    doing(
        vm,
        volume,
        List.of(path),
        "removes " + path,
        () -> volume.remove(path, vm.guest.fileTime()));
  }

  private void removeAll(SimulatedVm vm, String tree) {
    Volume volume = vm.guest.mounts.get(tree);
    doing(
        vm,
        volume,
        List.of(""),
        "removes everything",
        () -> {
          for (String path : List.copyOf(volume.all().keySet())) {
            if (!path.isEmpty() && !Volume.isOwn(path)) {
              volume.remove(path, vm.guest.fileTime());
            }
          }
        });
  }

  private void rename(SimulatedVm vm, String tree, String from, String to) {
    Volume volume = vm.guest.mounts.get(tree);
    if (volume.exists(from) && !volume.exists(to)) {
      doing(
          vm,
          volume,
          List.of(from),
          "renames " + from + " to " + to,
          () -> {
            if (volume.exists(from) && !volume.exists(to)) { // it may have had to wait
              volume.move(from, to, vm.guest.fileTime());
            }
          });
    }
  }

  private void touch(SimulatedVm vm, String tree, String path, int mode) {
    Volume volume = vm.guest.mounts.get(tree);
    if (volume.exists(path)) {
      doing(
          vm,
          volume,
          List.of(path),
          "changes the mode of " + path,
          () -> {
            if (volume.exists(path)) {
              volume.attributes(path, 0640 + mode, volume.get(path).mtime, vm.guest.fileTime());
            }
          });
    }
  }

  /** What is done here is the guest's own business: VirtQuorum does not answer for what it ends. */
  private void doing(
      SimulatedVm vm, Volume volume, List<String> paths, String what, Runnable action) {
    Content.Origin who = by;
    if (vm.guest.quiesce.isStill()) {
      later(vm, Timeline.SECOND, who, () -> doing(vm, volume, paths, what, action));
      return;
    }
    List<Content> before = new ArrayList<>();
    for (String p : List.copyOf(volume.all().keySet())) {
      Node node = volume.get(p);
      if (isTouched(p, paths) && node.isFile() && !Volume.isOwn(p)) {
        before.add(node.content);
        if (node.content != node.written) {
          before.add(node.written);
          node.content.detectable = false; // from now on it looks written
          volume.accept(p);
        }
      }
    }
    try {
      volume.byOthers(action);
      world.story.tell("%s: somebody %s", vm.name, what);
    } catch (Volume.NoRoom e) {
      world.story.tell("%s: somebody finds no room and %s", vm.name, what);
    }
    if (who == Content.Origin.USER || vm.podAddress().equals(world.api.led())) {
      replaced(volume, before);
    }
    world.truth.takenAway(before);
    world.truth.did(vm.guest, who);
    int boots = vm.guest.boots();
    world.timeline.after(
        Timeline.SECOND / 5 + vm.random.nextLong(6 * Timeline.SECOND),
        () -> {
          if (vm.guest.isRunning() && vm.guest.boots() == boots) {
            volume.sync(); // the kernel writes back
          }
        });
  }

  private static void replaced(Volume volume, List<Content> before) {
    for (Content content : before) {
      if (content != null
          && volume.all().entrySet().stream()
              .noneMatch(e -> e.getValue().content == content && !Volume.isOwn(e.getKey()))) {
        content.superseded = true;
      }
    }
  }

  private static boolean isTouched(String file, List<String> paths) {
    for (String path : paths) {
      if (path.isEmpty()
          || (file.startsWith(path)
              && (file.length() == path.length() || file.charAt(path.length()) == '/'))) {
        return true;
      }
    }
    return false;
  }

  /** A person writes all files anew, and then everybody may copy them. */
  void everything(SimulatedVm vm) {
    if (isUsable(vm)) {
      by = Content.Origin.USER;
      for (String tree : world.trees) {
        Set<String> paths = new TreeSet<>(FILES);
        vm.guest
            .mounts
            .get(tree)
            .all()
            .forEach(
                (path, node) -> {
                  if (node.isFile() && !Volume.isOwn(path)) {
                    paths.add(path);
                  }
                });
        paths.forEach(path -> write(vm, tree, path, next(vm, Content.Origin.USER), false));
      }
    }
  }

  /** A disk loses the bytes of a file. */
  void rot(SimulatedVm vm, SplittableRandom random) {
    String tree = world.trees.get(random.nextInt(world.trees.size()));
    Volume volume = vm.guest.mounts.get(tree);
    List<String> files =
        volume.all().entrySet().stream()
            .filter(e -> e.getValue().isFile() && !Volume.isOwn(e.getKey()))
            .map(java.util.Map.Entry::getKey)
            .toList();
    boolean hidden = vm.guest.isRunning() && random.nextInt(3) > 0;
    long flip = random.nextLong();
    if (files.isEmpty()) {
      return;
    }
    String path = files.get((int) Math.floorMod(flip, files.size()));
    Node node = volume.get(path);
    if (node.content != node.written || node.content.bytes.length == 0) {
      return; // rotten or torn already
    }
    byte[] bytes = node.content.bytes.clone();
    bytes[(int) Math.floorMod(flip >> 8, bytes.length)] ^= (byte) (1 << (flip & 7));
    Content rotten = new Content(bytes, Content.Origin.ROT);
    Node memory = volume.get(".virtquorum/memory");
    rotten.detectable =
        memory != null
            && memory.content.memory().filter(m -> m.hasCtime(path, node.ctime)).isPresent();
    if (volume.rot(path, rotten, hidden)) {
      world.story.tell(
          "%s: %s rots%s%s",
          vm.name,
          path,
          hidden ? " below the page cache" : "",
          rotten.detectable ? "" : ", which cannot be told from a write");
      if (!rotten.detectable && world.truth.record().isPrimary(vm.name)) {
        node.content.superseded = true; // to everybody the primary wrote that (seed 10006817)
      }
      world.truth.takenAway(List.of(node.content));
      world.truth.held(vm.guest);
      if (rotten.detectable) {
        world.rotted.add(
            new World.Rotted(vm, path, world.truth.disks.platterDigest(volume.get(path))));
      }
    }
  }
}
