package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.collect.TreeMemory.Past;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class CollectProperties {
  @Property(tries = 300)
  void aListingIsReadAsItWasWrittenWhereverItIsCut(
      @ForAll("entries") List<Entry> entries, @ForAll @IntRange(min = 1, max = 40) int piece) {
    byte[] bytes = written(entries);
    List<Entry> read = new ArrayList<>();
    var parser = new ListingParser(read::add);
    for (int from = 0; from < bytes.length; from += piece) {
      parser.feed(bytes, from, Math.min(bytes.length, from + piece));
    }
    parser.end();

    assertThat(read).isEqualTo(entries);
  }

  @Property(tries = 300)
  void aMemoryIsReadAsItWasWrittenAndNotAtAllOnceABitIsFlipped(
      @ForAll("entries") List<Entry> entries, @ForAll @IntRange(min = 0, max = 1 << 20) int bit) {
    Map<String, Past> rows = new HashMap<>();
    entries.forEach(e -> rows.put(e.path(), new Past(digest(e.size()), e.ctime(), e.inode())));
    var memory = new TreeMemory(new Remembered(new Position(3, 9), digest(1)), digest(2), rows);
    byte[] file = memory.encode();

    assertThat(TreeMemory.decode(file)).contains(memory);

    file[bit / 8 % file.length] ^= (byte) (1 << (bit % 8));
    assertThat(TreeMemory.decode(file)).isEmpty();
    assertThat(TreeMemory.decode(Arrays.copyOf(file, bit % file.length))).isEmpty();
  }

  /** Small trees of names a, a/b, a/b/c...: each path is unchanged, touched, changed or gone. */
  @Property(tries = 1000)
  void exactlyTheRowsThatDifferAreListedAndOnlyWhatNothingTouchedIsRot(
      @ForAll("trees") Map<String, Integer> before, @ForAll("trees") Map<String, Integer> after) {
    Map<String, Past> past = new HashMap<>();
    before.forEach((path, v) -> past.put(path, new Past(digest(v & 1), v >> 1, 1)));
    Map<String, Item> now = new HashMap<>();
    after.forEach((path, v) -> now.put(path, item(path, v & 1, v >> 1)));

    List<Change> changes = new Changes("f", past, now).list();

    Set<String> differing = new TreeSet<>();
    Set<String> all = new TreeSet<>(before.keySet());
    all.addAll(after.keySet());
    for (String path : all) {
      Integer old = before.get(path);
      Integer young = after.get(path);
      if (old == null || young == null || (old & 1) != (young & 1)) {
        differing.add(path);
      }
    }
    assertThat(changes)
        .extracting(c -> c.key().item())
        .containsExactlyInAnyOrderElementsOf(differing);
    for (Change change : changes) {
      String witness = change.key().item();
      while (!before.containsKey(witness) || !after.containsKey(witness)) {
        witness = Changes.parent(witness);
      }
      boolean moved = before.get(witness) >> 1 != after.get(witness) >> 1;
      assertThat(change.kind()).isEqualTo(moved ? Change.Kind.WRITTEN : Change.Kind.ROT);
    }
  }

  @Property(tries = 1000)
  void renewingTheMemoryNeverTurnsAWriteIntoRot(
      @ForAll("trees") Map<String, Integer> before, @ForAll("trees") Map<String, Integer> after) {
    Map<String, Past> past = new HashMap<>();
    before.forEach((path, v) -> past.put(path, new Past(digest(v & 1), v >> 1, 1)));
    Map<String, Item> now = new HashMap<>();
    after.forEach((path, v) -> now.put(path, item(path, v & 1, v >> 1)));

    var renewed = new Changes("f", past, now).renewed();

    assertThat(new Changes("f", renewed, now).list())
        .containsExactlyInAnyOrderElementsOf(new Changes("f", past, now).list());
  }

  @Provide
  Arbitrary<Map<String, Integer>> trees() {
    Arbitrary<Integer> state = Arbitraries.integers().between(0, 5);
    return Combinators.combine(
            Arbitraries.subsetOf("a", "b", "a/c", "a/d", "a/c/e"), state.list().ofSize(6))
        .as(
            (paths, states) -> {
              Map<String, Integer> tree = new HashMap<>();
              tree.put("", states.get(5) & ~1);
              int i = 0;
              for (String path : paths) {
                tree.put(path, states.get(i++));
              }
              tree.keySet()
                  .removeIf(path -> path.contains("/") && !tree.containsKey(Changes.parent(path)));
              tree.keySet()
                  .removeIf(path -> path.contains("/") && !tree.containsKey(Changes.parent(path)));
              return tree;
            });
  }

  @Provide
  Arbitrary<List<Entry>> entries() {
    Arbitrary<String> names =
        Arbitraries.strings().withCharRange('\u0001', '\u00ff').ofMaxLength(30);
    return Combinators.combine(
            names,
            Arbitraries.of('f', 'd', 'l', 'p'),
            Arbitraries.integers().between(0, 07777),
            Arbitraries.longs().between(0, 1L << 32),
            Arbitraries.longs().greaterOrEqual(0),
            Arbitraries.longs().between(-(1L << 60), 1L << 60),
            names)
        .as(
            (path, type, mode, owner, size, time, target) ->
                new Entry(
                    path,
                    type,
                    Integer.toOctalString(mode),
                    owner,
                    owner,
                    size,
                    size,
                    time,
                    -time,
                    type == 'l' ? target : ""))
        .list()
        .ofMaxSize(20)
        .uniqueElements(Entry::path);
  }

  private static Item item(String path, int content, int ctime) {
    var item = new Item(new Entry(path, 'f', "644", 0, 0, 1, 1, 0, ctime, ""));
    item.read(digest(content), true);
    return item;
  }

  private static Digest digest(long value) {
    return new Digest(value, 0, 0, 0);
  }

  private static byte[] written(List<Entry> entries) {
    var text = new StringBuilder();
    for (Entry e : entries) {
      text.append(e.type()).append(' ').append(e.mode()).append(' ').append(e.uid()).append(' ');
      text.append(e.gid()).append(' ').append(e.size()).append(' ').append(e.inode()).append(' ');
      text.append(seconds(e.mtime())).append(' ').append(seconds(e.ctime())).append(' ');
      text.append(e.path()).append('\0').append(e.target()).append('\0');
    }
    return text.toString().getBytes(ISO_8859_1);
  }

  /** As find writes times: truncated seconds, ten decimals. */
  private static String seconds(long nanos) {
    return (nanos < 0 ? "-" : "")
        + Math.abs(nanos) / 1_000_000_000
        + String.format(".%09d0", Math.abs(nanos) % 1_000_000_000);
  }
}
