package io.virtquorum.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A page of the documentation as its reader uses it.
 *
 * @param path from the root of the project
 * @param commands what it tells to type, from top to bottom: the lines of {@code sh} blocks, the
 *     prompts of {@code console} blocks, and inline code that begins with a program
 * @param blocks all fenced blocks
 * @param links targets of its links
 * @param anchors of its headings, as GitHub makes them
 */
record Page(
    Path path, List<String> commands, List<Block> blocks, List<String> links, Set<String> anchors) {

  private static final Set<String> PROGRAMS =
      Set.of(
          ("apt-get bash crane curl dd dnf docker e2fsck fuser git helm java journalctl k3s kind"
                  + " kubectl make minikube mvn oc podman qemu-img sh skopeo ssh sudo"
                  + " systemctl testbed time virsh virtctl virtquorum-guest wget yum")
              .split(" "));
  private static final Pattern FENCE = Pattern.compile("\\s*```(\\w*)");
  private static final Pattern INLINE = Pattern.compile("(?<!`)`([^`]+)`(?!`)");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern COMMENT = Pattern.compile("\\s+# .*$");

  /**
   * A fenced block.
   *
   * @param language empty if it says none
   */
  record Block(String language, List<String> lines) {
    String text() {
      return String.join("\n", lines) + "\n";
    }
  }

  /** All pages of the project. */
  static List<Page> all() {
    try (Stream<Path> docs = Files.walk(Path.of("docs"))) {
      return Stream.concat(
              Stream.of(Path.of("README.md"), Path.of("testbed", "README.md")),
              docs.filter(file -> file.toString().endsWith(".md")).sorted())
          .map(Page::read)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Page read(Path path) {
    List<String> commands = new ArrayList<>();
    List<Block> blocks = new ArrayList<>();
    List<String> links = new ArrayList<>();
    Set<String> anchors = new HashSet<>();
    List<String> prose = new ArrayList<>();
    List<String> block = null;
    for (String line : lines(path)) {
      var fence = FENCE.matcher(line);
      if (fence.matches() && block == null) {
        read(prose, commands, links);
        block = new ArrayList<>();
        blocks.add(new Block(fence.group(1), block));
      } else if (fence.matches()) {
        commands.addAll(commands(blocks.getLast()));
        block = null;
      } else if (block != null) {
        block.add(line);
      } else {
        prose.add(line);
        if (line.startsWith("#")) {
          anchors.add(anchor(line));
        }
      }
    }
    if (block != null) {
      throw new IllegalStateException(path + " does not end its last block");
    }
    read(prose, commands, links);
    return new Page(
        path, List.copyOf(commands), List.copyOf(blocks), List.copyOf(links), Set.copyOf(anchors));
  }

  /** Reads and clears what stands between two blocks. */
  private static void read(List<String> prose, List<String> commands, List<String> links) {
    // A paragraph at a time: code may run over the end of a line.
    String text = String.join("\n", prose).replaceAll("(?<!\n)\n(?!\n)", " ");
    prose.clear();
    INLINE.matcher(text).results().map(m -> m.group(1)).filter(Page::typed).forEach(commands::add);
    LINK.matcher(text).results().map(m -> m.group(1)).forEach(links::add);
  }

  private static List<String> commands(Block block) {
    Stream<String> lines =
        switch (block.language()) {
          case "sh" -> Stream.of(block.text().replaceAll("\\\\\n\\s*", "").split("\n", -1));
          case "console" ->
              block.lines().stream().filter(l -> l.startsWith("$ ")).map(l -> l.substring(2));
          default -> Stream.empty();
        };
    return lines
        .map(line -> COMMENT.matcher(line).replaceFirst("").strip())
        .filter(line -> !line.isEmpty())
        .toList();
  }

  /** A source that a page speaks of. */
  static String source(Path path) {
    return String.join("\n", lines(path));
  }

  private static boolean typed(String code) {
    String[] words = code.split("\\s+", -1);
    return words.length > 1 && PROGRAMS.contains(words[0])
        || words[0].contains("/")
            && Files.isRegularFile(Path.of(words[0]))
            && Files.isExecutable(Path.of(words[0]));
  }

  private static String anchor(String heading) {
    return heading
        .replaceFirst("^#+\\s*", "")
        .toLowerCase(Locale.ROOT)
        .replaceAll("[^\\w\\- ]", "")
        .replace(' ', '-');
  }

  private static List<String> lines(Path path) {
    try {
      return Files.readAllLines(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
