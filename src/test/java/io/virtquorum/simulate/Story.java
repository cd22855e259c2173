package io.virtquorum.simulate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What happened in a run, for people; kept only if somebody is to read it. For one thread. */
final class Story {
  private final boolean kept;
  private final List<String> lines = new ArrayList<>();
  private Timeline timeline;

  Story(boolean kept) {
    this.kept = kept;
  }

  void by(Timeline clock) {
    timeline = clock;
  }

  boolean isKept() {
    return kept;
  }

  void tell(String format, Object... arguments) {
    if (kept) {
      lines.add(
          String.format(Locale.ROOT, "%9.3f s  ", timeline.now() / 1e9)
              + String.format(Locale.ROOT, format, arguments));
    }
  }

  List<String> lines() {
    return lines;
  }
}
