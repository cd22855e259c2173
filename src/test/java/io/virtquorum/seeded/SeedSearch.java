package io.virtquorum.seeded;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongPredicate;
import org.slf4j.LoggerFactory;

/**
 * Looks for seeds that find planted bugs, for {@link Found#by}. Properties: {@code bug} (part of a
 * bug's text; without it, all that no seed is known to find), {@code first}, {@code seeds}, {@code
 * theme} (only seeds of these, separated by commas), {@code light} (true: the simulator of the
 * core).
 */
final class SeedSearch {
  private SeedSearch() {}

  /** Prints a line for each bug: the seed, or how many were tried in vain. */
  public static void main(String[] arguments) throws Throwable {
    ((Logger) LoggerFactory.getLogger("io.virtquorum")).setLevel(Level.OFF);
    String wanted = System.getProperty("bug", "");
    Simulator simulator = Boolean.getBoolean("light") ? Simulator.LIGHT : Simulator.WHOLE;
    List<SeededBug> bugs =
        SeededBugsTest.bugs()
            .filter(bug -> !wanted.isEmpty() || bug.by(simulator) instanceof Found.Not)
            .filter(bug -> bug.toString().contains(wanted))
            .toList();
    for (SeededBug bug : bugs) {
      search(bug, simulator);
    }
  }

  private static void search(SeededBug bug, Simulator simulator) throws Throwable {
    SeededClasses classes = SeededClasses.with(bug);
    Simulator.Runs runs = simulator.in(classes);
    LongPredicate themed = themed(classes);
    long first = Long.getLong("first", 1);
    long tried = 0;
    for (long seed = first; seed < first + Long.getLong("seeds", 1000); seed++) {
      if (!themed.test(seed)) {
        continue;
      }
      tried++;
      Optional<Throwable> failure = runs.of(seed);
      if (failure.isPresent()) {
        String why = failure.get().toString().lines().findFirst().orElse("");
        System.out.printf(
            "%s%n  %s, seed %d, the %d. tried: %s%n", bug, simulator, seed, tried, why);
        return;
      }
    }
    System.out.printf("%s%n  %s, none of %d seeds%n", bug, simulator, tried);
  }

  /** Whether a seed has one of the themes that are asked for; without any, whether it is a seed. */
  private static LongPredicate themed(ClassLoader classes) throws ReflectiveOperationException {
    Set<String> themes = Set.of(System.getProperty("theme", "").split(","));
    if (themes.contains("")) {
      return seed -> true;
    }
    var in = classes.loadClass("io.virtquorum.simulate.Theme").getDeclaredMethod("in", long.class);
    in.setAccessible(true);
    return seed -> {
      try {
        return ((List<?>) in.invoke(null, seed))
            .stream()
                .map(theme -> theme.toString().toLowerCase(Locale.ROOT))
                .anyMatch(themes::contains);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    };
  }
}
