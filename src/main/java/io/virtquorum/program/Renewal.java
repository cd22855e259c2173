package io.virtquorum.program;

import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Trouble;
import io.virtquorum.port.Limit;
import io.virtquorum.port.Time;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Remembers once more what the member still holds, some seconds after it was remembered: a file
 * that was written right before has no ctime then that proves that nobody wrote it since, and rot
 * in it would be taken for a write. For one thread.
 */
final class Renewal {
  private static final Logger log = LoggerFactory.getLogger(Renewal.class);

  /** A write after so long has another ctime than one before, on every file system. */
  private static final Duration SETTLED = Duration.ofSeconds(4);

  private static final Duration AGAIN = Duration.ofMinutes(1);

  private final Joining joining;
  private final Time time;
  private Optional<Remembered> memory = Optional.empty();
  private boolean renewed;
  private Limit due;

  Renewal(Joining joining, Time time) {
    this.joining = joining;
    this.time = time;
    this.due = time.in(Duration.ZERO);
  }

  /** Renews the memory if it is due, and the member holds exactly that. */
  void look(Snapshot snapshot, Limit limit) throws GuestException {
    if (!snapshot.memory().equals(memory)) {
      memory = snapshot.memory();
      renewed = false;
      due = time.in(SETTLED);
    }
    if (renewed || memory.isEmpty() || snapshot.changesTotal() > 0 || !due.isOver()) {
      return;
    }
    try {
      Remembered held = memory.get();
      Looks.Sight sight = joining.remember(held.position(), held.root(), limit);
      renewed = sight.matrix().root().equals(held.root());
    } catch (Trouble trouble) {
      due = time.in(AGAIN);
      log.atInfo()
          .addKeyValue("message", trouble.getMessage())
          .log("What is remembered cannot be renewed now");
    }
  }
}
