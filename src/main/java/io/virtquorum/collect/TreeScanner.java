package io.virtquorum.collect;

import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Keeps one tree's items up to date: reads only contents whose metadata changed, and goes on until
 * the metadata before and after the reading are the same. So an item's ctime is never older than
 * the content that its digest speaks of; otherwise a write in that moment would look like rot. For
 * one thread.
 */
final class TreeScanner {
  /** After so many rounds what still moves is taken as it was read last; the next scan goes on. */
  private static final int ROUNDS = 3;

  private final Tree tree;
  private final Listing.Reader reader;
  private final Contents contents;
  private Map<String, Item> items = Map.of();
  private String digest = "";
  private Listing last;

  TreeScanner(Tree tree, Listing.Reader reader, Contents contents) {
    this.tree = tree;
    this.reader = reader;
    this.contents = contents;
  }

  Tree tree() {
    return tree;
  }

  /** What the newest scan found, by path; unmodifiable until the next scan. */
  Map<String, Item> items() {
    return items;
  }

  /** The newest scan's look at the metadata; null before the first. */
  Listing last() {
    return last;
  }

  /** Forgets everything, so that the next scan reads all. */
  void forget() {
    items = Map.of();
    digest = "";
    last = null;
  }

  /**
   * Brings the items up to date.
   *
   * @param suspect which contents to read past the page cache, whatever their metadata say
   * @param most entries that are accepted
   * @return false if nothing moved since the last scan
   */
  boolean scan(Predicate<String> suspect, int most, Deadline deadline)
      throws GuestException, Trouble {
    boolean complete = false;
    try {
      boolean moved = look(most, deadline);
      boolean again = readSuspects(suspect, deadline);
      List<Item> unread = unread(true);
      for (int round = 1; again || !unread.isEmpty(); round++) {
        contents.read(tree, unread, false, last.seconds(), deadline);
        moved = true;
        again = false;
        if (round > ROUNDS) {
          break;
        }
        look(most, deadline);
        unread = unread(false);
      }
      complete = true;
      return moved;
    } finally {
      if (!complete) {
        digest = ""; // half of the items may lack a digest: list again
      }
    }
  }

  private boolean readSuspects(Predicate<String> suspect, Deadline deadline)
      throws GuestException, Trouble {
    List<Item> suspects =
        items.values().stream()
            .filter(i -> i.entry().isFile() && suspect.test(i.entry().path()))
            .toList();
    contents.read(tree, suspects, true, last.seconds(), deadline);
    return !suspects.isEmpty();
  }

  /**
   * Items without a digest and, if asked, those that may have changed within their ctime's tick.
   */
  private List<Item> unread(boolean withUnsettled) {
    List<Item> found = new ArrayList<>();
    for (Item item : items.values()) {
      if (item.digest() == null
          || (withUnsettled && !item.settled() && item.entry().hasContent())) {
        found.add(item);
      }
    }
    return found;
  }

  /** Lists the tree and carries over what did not change; false if nothing did. */
  private boolean look(int most, Deadline deadline) throws GuestException, Trouble {
    Listing listing = reader.read(tree, digest, last == null ? 0 : last.device(), most, deadline);
    last = listing;
    listing.entries().ifPresent(this::merge);
    digest = listing.digest();
    for (Item item : items.values()) {
      if (!item.entry().hasContent() && !item.settled()) {
        item.read(
            item.digest() == null ? contents.digest(item.entry()) : item.digest(),
            Contents.isPast(item.entry().ctime(), listing.seconds()));
      }
    }
    return listing.entries().isPresent();
  }

  private void merge(List<Entry> entries) {
    Map<String, Item> merged = HashMap.newHashMap(entries.size());
    for (Entry entry : entries) {
      Item old = items.get(entry.path());
      merged.put(entry.path(), old != null && old.entry().equals(entry) ? old : new Item(entry));
    }
    items = merged;
  }
}
