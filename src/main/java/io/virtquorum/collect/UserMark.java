package io.virtquorum.collect;

import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Tree;
import io.virtquorum.guest.Trouble;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps on the member's own disk, beside its memory, that a user was seen since it held what it
 * remembers: the pod that saw him may be gone when what he wrote is to be archived. It is written
 * once for each memory, and only where something was changed; or once where the disk remembers
 * nothing, and so nobody knows what was. For one thread.
 */
public final class UserMark {
  private static final Logger LOG = LoggerFactory.getLogger(UserMark.class);
  private static final Script USERS = Script.of(UserMark.class, "users.sh");

  private static final String NO_MEMORY = "-";

  private final Shell shell;
  private final Tree home;

  /** What the file says; null while nobody has looked. */
  private String known;

  /**
   * @param home the tree that keeps it
   */
  public UserMark(Shell shell, Tree home) {
    this.shell = shell;
    this.home = home;
  }

  /**
   * Brings the mark up to date. What cannot be written is tried again at the next look.
   *
   * @param seen users were seen since the member held what it remembers
   * @return true if users were, now or by the mark of an earlier life
   */
  public boolean look(Snapshot snapshot, boolean seen, Duration limit) throws GuestException {
    Optional<String> memory =
        snapshot.memory().filter(held -> snapshot.changesTotal() > 0).map(UserMark::words);
    boolean forgot = snapshot.memory().isEmpty(); // then a mark of any memory counts
    try {
      Deadline deadline = shell.deadline(limit);
      if (known == null) {
        known = Shell.text(shell.get(home.own() + "/users", deadline)).strip();
      }
      boolean were = seen || (forgot ? !known.isEmpty() : memory.filter(known::equals).isPresent());
      String wanted = were ? memory.orElse(forgot ? keep() : "") : "";
      if (!wanted.equals(known)) {
        shell.run(USERS, deadline, new byte[0], home.path(), wanted);
        known = wanted;
      }
      return were;
    } catch (Trouble trouble) {
      LOG.atWarn()
          .addKeyValue("reason", trouble.reason())
          .addKeyValue("message", trouble.getMessage())
          .log("That users were there cannot be kept in the guest now");
      return seen;
    }
  }

  private String keep() {
    return known.isEmpty() ? NO_MEMORY : known;
  }

  /** A mark is of one memory: a newer one begins without users. */
  private static String words(Remembered held) {
    return "%d %d %s"
        .formatted(held.position().tenure(), held.position().sequence(), held.root().hex());
  }
}
