package io.virtquorum.e2e;

import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Prints each test's time against its budget, and keeps what a person needs where one fails. */
final class Report implements BeforeTestExecutionCallback, AfterTestExecutionCallback {
  private static final ExtensionContext.Namespace STORE =
      ExtensionContext.Namespace.create(Report.class);

  @Override
  public void beforeTestExecution(ExtensionContext context) {
    Testbed.of(context); // what all tests share is no test's own time
    context.getStore(STORE).put("began", System.nanoTime());
  }

  @Override
  public void afterTestExecution(ExtensionContext context) {
    Long began = context.getStore(STORE).remove("began", Long.class);
    if (began == null) {
      return; // there was no testbed to run it on
    }
    int budget =
        Optional.ofNullable(context.getRequiredTestMethod().getAnnotation(Budget.class))
            .map(Budget::value)
            .orElse(0);
    boolean failed = context.getExecutionException().isPresent();
    line(sentence(context), began, budget, failed ? "FAILED" : "ok");
    if (failed) {
      Testbed.of(context).dump(context.getRequiredTestMethod().getName());
    }
  }

  /** One line for a stage that began at this {@link System#nanoTime}. */
  static void line(String what, long began, int budget, String result) {
    double seconds = (System.nanoTime() - began) / 1e9;
    System.out.printf(
        Locale.ROOT, "e2e %6.1f s of %3d s  %-6s  %s%n", seconds, budget, result, what);
  }

  /** A measured fact that a person wants to see. */
  static void fact(String text, Object... values) {
    System.out.printf(Locale.ROOT, "e2e                          %s%n", text.formatted(values));
  }

  private static String sentence(ExtensionContext context) {
    String words = context.getRequiredTestMethod().getName().replaceAll("([A-Z])", " $1");
    return words.toLowerCase(Locale.ROOT).strip();
  }
}
