package io.virtquorum.sidecar;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.AddressOutcome;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Evidence;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Serving;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Standing;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.UsersSeen;
import io.virtquorum.guest.VerifyResult;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A guest of which it is not known what speaks for it on the channel: the guest program, or a guest
 * agent until the program is installed. Whichever answers is asked, until it falls silent; then the
 * other gets its turn. Safe for use by many threads; a watch is for one, and there is one at a
 * time.
 */
final class AnsweringGuest implements Guest {
  private static final Logger log = LoggerFactory.getLogger(AnsweringGuest.class);

  /** How long one may take to say a first word before the next is tried. */
  static final Duration TURN = Duration.ofSeconds(5);

  private final List<Kind> kinds;
  private int turn;
  private volatile Guest current;
  private boolean answered;
  private Runnable news = () -> {};

  /**
   * One that may speak for a guest.
   *
   * @param name for the log
   * @param open the way to it, over the one channel: only one is open at a time
   */
  record Kind(String name, Supplier<Guest> open) {}

  /**
   * @param kinds the first is tried first
   */
  AnsweringGuest(List<Kind> kinds) {
    this.kinds = List.copyOf(kinds);
    this.current = this.kinds.getFirst().open().get();
  }

  @Override
  public Watch watch(WatchSettings settings) {
    return new AnsweringWatch(settings);
  }

  @Override
  public Presence presence() {
    return current.presence();
  }

  @Override
  public synchronized void onNews(Runnable listener) {
    news = listener;
    current.onNews(listener);
  }

  @Override
  public synchronized void close() {
    current.close();
  }

  private synchronized void next() {
    current.close();
    turn = (turn + 1) % kinds.size();
    current = kinds.get(turn).open().get();
    current.onNews(news);
  }

  /** What is asked of whoever answers. */
  private interface Ask<T, X extends Exception> {
    T of(Watch watch) throws GuestException, X;
  }

  private final class AnsweringWatch implements Watch {
    private final WatchSettings settings;
    private Watch watch;

    AnsweringWatch(WatchSettings settings) {
      this.settings = settings;
      this.watch = current.watch(settings);
    }

    private <T, X extends Exception> T ask(Ask<T, X> what) throws GuestException, X {
      if (!answered) {
        find();
      }
      try {
        return what.of(watch);
      } catch (GuestException.Unreachable | GuestException.TimedOut e) {
        answered = presence().state() == State.ANSWERING;
        throw e;
      }
    }

    /** Has the current one answer; if it does not, the next call asks another. */
    private void find() throws GuestException {
      try {
        watch.bootId(TURN);
      } catch (GuestException.Refused | GuestException.Rebooted e) {
        throw e; // it is there
      } catch (GuestException e) {
        watch.close();
        next();
        watch = current.watch(settings);
        throw e;
      }
      answered = true;
      log.atInfo().log("{} answers in the guest", kinds.get(turn).name());
    }

    @Override
    public String bootId(Duration limit) throws GuestException {
      return ask(watch -> watch.bootId(limit));
    }

    @Override
    public Snapshot look(Duration limit) throws GuestException, Trouble {
      return this.<Snapshot, Trouble>ask(watch -> watch.look(limit));
    }

    @Override
    public Snapshot audit(Duration limit) throws GuestException, Trouble {
      return this.<Snapshot, Trouble>ask(watch -> watch.audit(limit));
    }

    @Override
    public Map<String, Output> outputs(boolean all) throws GuestException {
      return ask(watch -> watch.outputs(all));
    }

    @Override
    public Evidence users(Duration limit) throws GuestException {
      return ask(watch -> watch.users(limit));
    }

    @Override
    public VerifyResult verify(Position position, Digest root, Duration limit)
        throws GuestException, Trouble {
      return this.<VerifyResult, Trouble>ask(watch -> watch.verify(position, root, limit));
    }

    @Override
    public boolean rememberUsers(Snapshot snapshot, boolean seen, Duration limit)
        throws GuestException {
      return ask(watch -> watch.rememberUsers(snapshot, seen, limit));
    }

    @Override
    public void standing(Standing standing, Duration limit) throws GuestException {
      this.<Void, GuestException>ask(
          watch -> {
            watch.standing(standing, limit);
            return null;
          });
    }

    @Override
    public void settle(Duration limit) throws GuestException, Trouble {
      this.<Void, Trouble>ask(
          watch -> {
            watch.settle(limit);
            return null;
          });
    }

    @Override
    public Serving serve(String id, String address, String puller, Duration limit)
        throws GuestException, Trouble {
      return this.<Serving, Trouble>ask(watch -> watch.serve(id, address, puller, limit));
    }

    @Override
    public Optional<Serving> serveOutput(
        String id, String feature, Digest wanted, String address, String puller, Duration limit)
        throws GuestException, Trouble {
      return this.<Optional<Serving>, Trouble>ask(
          watch -> watch.serveOutput(id, feature, wanted, address, puller, limit));
    }

    @Override
    public void endServing() {
      watch.endServing();
    }

    @Override
    public PullResult pull(
        Offer offer, Goal goal, ArchiveNote note, UsersSeen users, Duration limit)
        throws GuestException, Trouble {
      return this.<PullResult, Trouble>ask(watch -> watch.pull(offer, goal, note, users, limit));
    }

    @Override
    public PullResult applyOutput(
        Offer offer, String feature, Digest wanted, ArchiveNote note, Duration limit)
        throws GuestException, Trouble {
      return this.<PullResult, Trouble>ask(
          watch -> watch.applyOutput(offer, feature, wanted, note, limit));
    }

    @Override
    public void quiesce(Duration still, Duration limit) throws GuestException, Trouble {
      this.<Void, Trouble>ask(
          watch -> {
            watch.quiesce(still, limit);
            return null;
          });
    }

    @Override
    public void resume(Duration limit) throws GuestException, Trouble {
      this.<Void, Trouble>ask(
          watch -> {
            watch.resume(limit);
            return null;
          });
    }

    @Override
    public AddressOutcome address(String mac, String address, Duration limit)
        throws GuestException {
      return ask(watch -> watch.address(mac, address, limit));
    }

    @Override
    public Set<String> silent(String own, Collection<String> others, Duration limit)
        throws GuestException, Trouble {
      return this.<Set<String>, Trouble>ask(watch -> watch.silent(own, others, limit));
    }

    @Override
    public void close() {
      watch.close();
    }
  }
}
