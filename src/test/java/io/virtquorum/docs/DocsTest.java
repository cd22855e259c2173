package io.virtquorum.docs;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.e2e.Host;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the documentation tells its reader to type is there, and its links lead somewhere. */
final class DocsTest {
  private static final Pattern ANNOTATION = Pattern.compile("virtquorum\\.io/[a-z-]+(?==)");
  private static final Duration DEADLINE = Duration.ofMinutes(1);

  @Test
  void everyCommandOfTheDocumentationIsRunOrItIsSaidWhyNot() {
    Set<String> known = Typed.all().stream().map(Typed::command).collect(Collectors.toSet());
    Set<String> typed =
        Page.all().stream().flatMap(p -> p.commands().stream()).collect(Collectors.toSet());
    assertThat(typed).hasSizeGreaterThan(20);
    assertThat(without(typed, known))
        .as("new commands in the pages; list them in Typed and say how they are proven to work")
        .isEmpty();
    assertThat(without(known, typed)).as("commands in Typed that no page has any more").isEmpty();
    assertThat(Typed.all()).as("none is listed twice").hasSameSizeAs(known);
  }

  @Test
  void givenAReaderWhoGoesFromTopToBottomThenCommandsComeInThatOrder(@TempDir Path directory)
      throws IOException {
    Path page = directory.resolve("page.md");
    Files.writeString(
        page,
        """
        Look at it with `kubectl
        get hac`.

        ```sh
        kubectl delete hac \\
          web  # gone
        ```

        Then `helm uninstall web`.
        """);
    assertThat(Page.read(page).commands())
        .containsExactly("kubectl get hac", "kubectl delete hac web", "helm uninstall web");
  }

  private static Set<String> without(Set<String> all, Set<String> others) {
    return all.stream().filter(one -> !others.contains(one)).collect(Collectors.toSet());
  }

  @Test
  void everyAnnotationThatAPersonIsToSetIsOneThatTheOperatorReads() throws IOException {
    Set<String> annotations =
        Typed.all().stream()
            .flatMap(t -> ANNOTATION.matcher(t.command()).results().map(MatchResult::group))
            .collect(Collectors.toSet());
    assertThat(annotations).isNotEmpty();
    try (Stream<Path> files = Files.walk(Path.of("src", "main", "java"))) {
      StringBuilder sources = new StringBuilder();
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
        sources.append(Files.readString(file));
      }
      assertThat(annotations).allMatch(name -> sources.indexOf('"' + name + '"') >= 0);
    }
  }

  static Stream<String> answering() {
    return Typed.all().stream().filter(t -> t.how() == Typed.How.ANSWERS).map(Typed::command);
  }

  @ParameterizedTest
  @MethodSource("answering")
  void whatCannotBeRunHereIsThereAndAnswers(String command) {
    for (String one : command.split("(;|&&) *", -1)) {
      List<String> words = Arrays.asList(one.strip().replaceFirst("^time ", "").split(" ", -1));
      switch (words.getFirst()) {
        case "make" -> assertThatMakeKnows(words.get(1));
        case "tools/demo" ->
            assertThat(run("tools/demo", "no-such-verb").output())
                .contains("usage: tools/demo [" + words.get(1) + "]");
        case "tools/edits" ->
            assertThat(run("tools/edits", "no-such-verb").output())
                .startsWith("usage: tools/edits ")
                .contains(command);
        case "testbed", "testbed/testbed" -> assertThatHelpHas(words.get(1));
        case "virtquorum-guest" -> assertThatTheGuestProgramKnows(words);
        default -> throw new AssertionError("Nobody knows how to ask " + words.getFirst());
      }
    }
  }

  private static void assertThatMakeKnows(String target) {
    Host.Outcome recipe = run("make", "--dry-run", target);
    assertThat(recipe.exit()).as(recipe.output()).isZero();
    Host.Outcome valid = run("bash", "-n", "-c", recipe.output());
    assertThat(valid.exit()).as(valid.output()).isZero();
    List<String> programs =
        Arrays.stream(recipe.output().split("\\s+", -1))
            .filter(word -> word.startsWith("tools/") || word.startsWith("deploy/"))
            .toList();
    assertThat(programs).isNotEmpty().allMatch(program -> Files.isReadable(Path.of(program)));
  }

  private static void assertThatTheGuestProgramKnows(List<String> words) {
    Path directory = Path.of("guest", "cmd", "virtquorum-guest");
    assertThat(Page.source(directory.resolve("main.go"))).contains("\"" + words.get(1) + "\": ");
    if (words.get(1).equals("archive")) {
      assertThat(Page.source(directory.resolve("archive.go")))
          .contains("usage: virtquorum-guest archive")
          .contains("virtquorum-guest archive " + words.get(2));
    }
    for (String word : words) {
      if (word.startsWith("--")) {
        assertThat(Page.source(directory.resolve(words.get(1) + ".go")))
            .contains("\"" + word.substring(2) + "\"");
      }
    }
  }

  private static void assertThatHelpHas(String verb) {
    assertThat(run("testbed/testbed", "help").output()).containsPattern("testbed " + verb + "\\b");
  }

  @Test
  void everyLinkToAFileOrAHeadingLeadsThere() {
    List<Page> pages = Page.all();
    long local = 0;
    for (Page page : pages) {
      for (String link : page.links()) {
        if (link.contains(":")) {
          continue; // to somebody else's site: not ours to ask
        }
        local++;
        String[] parts = link.split("#", 2);
        Path target =
            parts[0].isEmpty() ? page.path() : page.path().resolveSibling(parts[0]).normalize();
        assertThat(target).as("%s links to %s", page.path(), link).exists();
        if (parts.length == 2) {
          assertThat(Page.read(target).anchors())
              .as("%s links to %s", page.path(), link)
              .contains(parts[1]);
        }
      }
    }
    assertThat(local).isGreaterThan(5);
  }

  private static Host.Outcome run(String... command) {
    return Host.here().attempt(DEADLINE, List.of(command));
  }
}
