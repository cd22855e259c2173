package io.virtquorum.simulate;

import io.virtquorum.guest.wire.v1.StaleProcess;
import java.util.List;
import java.util.Optional;

/**
 * A file that a process in a guest has open for writing, wherever it is. Ends with the boot.
 *
 * @param boots how often the guest had booted
 */
record Opened(SimulatedGuest guest, String tree, Volume volume, long inode, int boots) {
  static Opened of(SimulatedGuest guest, String tree, String path) {
    Volume volume = guest.mounts.get(tree);
    Opened opened = new Opened(guest, tree, volume, volume.get(path).inode, guest.boots());
    guest.opened.add(opened);
    return opened;
  }

  void close() {
    guest.opened.remove(this);
  }

  /** False once the process is gone, or its disk. */
  boolean isOpen() {
    return guest.isRunning() && guest.boots() == boots && guest.mounts.get(tree) == volume;
  }

  List<String> places() {
    return volume.places(inode);
  }

  /** What the guest program says of it: it is in the archive, and nowhere that users look. */
  Optional<StaleProcess> stale(int index) {
    List<String> places = places();
    return !isOpen() || places.isEmpty() || !places.stream().allMatch(this::isArchived)
        ? Optional.empty()
        : Optional.of(
            StaleProcess.newBuilder()
                .setTree(index)
                .setPid(1000)
                .setCommand("keeper")
                .setPath(ProgramTree.bytes(row(places.getFirst())))
                .build());
  }

  private boolean isArchived(String place) {
    return place.startsWith(Replacement.ARCHIVE + "/");
  }

  /** The path behind the entry's name and the slot. */
  private static String row(String place) {
    return place.substring(Replacement.ARCHIVE.length() + 1).split("/", 3)[2];
  }
}
