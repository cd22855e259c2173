package io.virtquorum.agent;

import io.virtquorum.guest.Guest.Presence;
import io.virtquorum.guest.Guest.State;
import java.nio.file.Path;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What was seen of an agent last, and one log line when that changes. The socket's owner writes;
 * any thread may read.
 */
final class AgentSight {
  private static final Logger log = LoggerFactory.getLogger(AgentSight.class);

  /**
   * @param answeredAt nanoTime of the last matched answer, or of the beginning
   */
  private record Seen(State state, long answeredAt) {}

  private final Path path;
  private final Duration silentAfter;
  private volatile Seen seen = new Seen(State.STARTING, System.nanoTime());

  AgentSight(Path path, Duration silentAfter) {
    this.path = path;
    this.silentAfter = silentAfter;
  }

  Presence presence() {
    Seen now = seen;
    Duration age = Duration.ofNanos(Math.max(0, System.nanoTime() - now.answeredAt()));
    boolean late = now.state() == State.ANSWERING && age.compareTo(silentAfter) > 0;
    return new Presence(late ? State.SILENT : now.state(), age);
  }

  /** Nanoseconds since the last matched answer. */
  long age() {
    return System.nanoTime() - seen.answeredAt();
  }

  /** Whether the last matched answer is so old that another boot may have begun. */
  boolean isOld() {
    return age() > silentAfter.toNanos();
  }

  void answered(String bootId) {
    State before = seen.state();
    seen = new Seen(State.ANSWERING, System.nanoTime());
    if (before != State.ANSWERING) {
      log.atInfo()
          .addKeyValue("socket", path)
          .addKeyValue("bootId", bootId)
          .log("guest agent answers");
    }
  }

  /** The socket is open, which says nothing, but it is not closed any more. */
  void connected() {
    Seen before = seen;
    if (before.state() == State.GONE) {
      seen = new Seen(State.SILENT, before.answeredAt());
    }
  }

  void unanswered() {
    Seen before = seen;
    if (before.state() == State.ANSWERING && isOld()) {
      seen = new Seen(State.SILENT, before.answeredAt());
      log.atWarn().addKeyValue("socket", path).log("guest agent is silent");
    }
  }

  void gone(String reason) {
    Seen before = seen;
    if (before.state() != State.GONE) {
      seen = new Seen(State.GONE, before.answeredAt());
      log.atWarn()
          .addKeyValue("socket", path)
          .addKeyValue("reason", reason)
          .log("guest agent socket ended");
    }
  }
}
