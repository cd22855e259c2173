package io.virtquorum.sidecar;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Standing;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Health;
import io.virtquorum.wire.v1.Hello;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The production sidecar without its thread, its gRPC channel and its files: a simulation drives
 * it. For one thread.
 */
public final class SimulatedSidecar {
  private final Outbox outbox = new Outbox(() -> {});
  private final Member member;
  private final Outside outside;
  private Supplier<Hello> hello;
  private LongFunction<Beat> beat;
  private final LongSupplier nanoTime;
  private long skipped = Long.MIN_VALUE;

  /** What a sidecar needs of the simulation. */
  public interface Outside {
    /** The highest term that an earlier life obeyed. */
    long term();

    /** Keeps a term for the next life. */
    void term(long term);

    /** What {@link Users} kept. */
    boolean usersSinceHeld();

    /** Keeps it. */
    void usersSinceHeld(boolean used);

    /** There is a reason for another round. */
    void news();

    /** What the round waits for in the guest fails now. */
    void interrupt();

    /** Something waits in {@link SimulatedSidecar#poll}. */
    void pending();

    /** A command is about to be run. */
    void running(Command command);

    /** A look at the state begins. */
    void looking(boolean audit);
  }

  public SimulatedSidecar(
      String namespace,
      String cluster,
      String name,
      String vmiUid,
      Guest guest,
      LongSupplier nanoTime,
      Outside outside) {
    this.outside = outside;
    this.nanoTime = nanoTime;
    var kept =
        new Users.Kept() {
          @Override
          public boolean usersSinceHeld() {
            return outside.usersSinceHeld();
          }

          @Override
          public void usersSinceHeld(boolean used) {
            outside.usersSinceHeld(used);
          }
        };
    this.member =
        new Member(
            new Identity(namespace, name, vmiUid),
            cluster,
            "simulated",
            guest,
            new Orders(outside.term(), outside::term),
            configure ->
                new Watched(GuestWork.of(name, configure, guest, kept, Set.of(), nanoTime)),
            (greeting, pulse, listener) -> {
              hello = greeting;
              beat = pulse;
              return new Waiting();
            },
            nanoTime,
            new Rounds());
  }

  /** See {@link Member#round}. */
  public long round() {
    return member.round();
  }

  /** See {@link Member#isFollowedUp}. */
  public boolean isFollowedUp() {
    return member.isFollowedUp();
  }

  public Hello hello() {
    return hello.get();
  }

  public Beat beat(long number) {
    Beat made = beat.apply(number);
    long age = (nanoTime.getAsLong() - skipped) / 1_000_000;
    if (skipped == Long.MIN_VALUE || !made.hasLookAgeMillis() || age >= made.getLookAgeMillis()) {
      return made;
    }
    Beat.Builder looked = made.toBuilder().setLookAgeMillis((int) age);
    return made.hasHeldAgeMillis() && made.getHeldAgeMillis() == made.getLookAgeMillis()
        ? looked.setHeldAgeMillis((int) age).build()
        : looked.build();
  }

  /** A look is left out that would have found what the last one did. */
  public void skipsLook() {
    skipped = nanoTime.getAsLong();
  }

  public void attached() {
    member.attached();
  }

  public void configured(Configure configure) {
    member.configured(configure);
  }

  public void ordered(Command command) {
    member.ordered(command);
  }

  public void recalled(io.virtquorum.wire.v1.Recall recall) {
    member.recalled(recall);
  }

  public void stands(io.virtquorum.wire.v1.Standing standing) {
    member.stands(standing);
  }

  /** The next message for the adjudicator. */
  public Optional<FromMember> poll() {
    return outbox.poll();
  }

  private final class Waiting implements Uplink {
    @Override
    public void beatEvery(Duration interval) {}

    @Override
    public void send(Ballot ballot) {
      outbox.ballot(ballot);
      outside.pending();
    }

    @Override
    public void withdrawBallot() {
      outbox.withdrawBallot();
    }

    @Override
    public void send(Health health) {
      outbox.health(health);
      outside.pending();
    }

    @Override
    public void send(FromMember result) {
      outbox.result(result);
      outside.pending();
    }

    @Override
    public void close() {}
  }

  private final class Rounds implements Member.Driver {
    @Override
    public void news() {
      outside.news();
    }

    @Override
    public void interrupt() {
      outside.interrupt();
    }

    @Override
    public void goOn() {} // only the wait of that moment was ended
  }

  private final class Watched implements MemberWork {
    private final MemberWork work;

    Watched(MemberWork work) {
      this.work = work;
    }

    @Override
    public BallotContent look(boolean audit) throws GuestException {
      outside.looking(audit);
      return work.look(audit);
    }

    @Override
    public boolean followUp() throws GuestException {
      return work.followUp();
    }

    @Override
    public void stand(Standing standing) throws GuestException {
      work.stand(standing);
    }

    @Override
    public HealthContent health() {
      return work.health();
    }

    @Override
    public FromMember run(Command command, Duration left, Recall recall) throws GuestException {
      outside.running(command);
      return work.run(command, left, recall);
    }

    @Override
    public void close() {
      work.close();
    }
  }
}
