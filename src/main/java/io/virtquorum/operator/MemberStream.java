package io.virtquorum.operator;

import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Beat;
import io.virtquorum.wire.v1.GuestState;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.ToMember;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/** The adjudicator's end of one sidecar's stream. Safe on any thread. */
final class MemberStream {
  private final Hello hello;
  private final StreamObserver<ToMember> out;
  private final LongSupplier nanoTime;
  private final AtomicLong lastBeat;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile GuestState guest = GuestState.GUEST_STATE_STARTING;
  private volatile Duration agentAge = Duration.ZERO;
  private volatile OptionalLong lookedAt = OptionalLong.empty();
  private volatile OptionalLong heldAt = OptionalLong.empty();
  private volatile HealthContent health = HealthContent.GOOD;

  /**
   * @param nanoTime as {@link System#nanoTime}
   */
  MemberStream(Hello hello, StreamObserver<ToMember> out, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.lastBeat = new AtomicLong(nanoTime.getAsLong());
    this.hello = hello;
    this.out = out;
  }

  String member() {
    return hello.getMember();
  }

  String vmiUid() {
    return hello.getVmiUid();
  }

  /** The highest term that the sidecar had heard when it attached. */
  long termSeen() {
    return hello.getTermSeen();
  }

  /** Takes in a sign of life; true if what it says of the guest is news. */
  boolean beat(Beat beat) {
    lastBeat.set(nanoTime.getAsLong());
    agentAge = Duration.ofMillis(Integer.toUnsignedLong(beat.getAgentAgeMillis()));
    if (beat.hasLookAgeMillis()) {
      lookedAt = ago(beat.getLookAgeMillis());
    }
    heldAt = beat.hasHeldAgeMillis() ? ago(beat.getHeldAgeMillis()) : OptionalLong.empty();
    boolean news = guest != beat.getGuest();
    guest = beat.getGuest();
    return news;
  }

  /** Takes in how the member says it is. */
  void health(HealthContent now) {
    health = now;
  }

  /** How the member says it is. */
  HealthContent health() {
    return health;
  }

  /** What the last beat said of the guest. */
  GuestState guest() {
    return guest;
  }

  /** Age of the guest program's last answer at the last beat. */
  Duration agentAge() {
    return agentAge;
  }

  /**
   * Since the newest look at the member's files that ended well began, as far as it was ever said,
   * also if the sidecar does not know of one any more because the guest rebooted. Empty: none did
   * yet, or the sidecar is too old to say.
   */
  Optional<Duration> lookAge() {
    return since(lookedAt);
  }

  /** Since the newest look that found the member as it remembers began, by the last beat. */
  Optional<Duration> heldAge() {
    return since(heldAt);
  }

  private OptionalLong ago(int millis) {
    return OptionalLong.of(
        nanoTime.getAsLong() - Duration.ofMillis(Integer.toUnsignedLong(millis)).toNanos());
  }

  private Optional<Duration> since(OptionalLong at) {
    return at.isPresent()
        ? Optional.of(Duration.ofNanos(nanoTime.getAsLong() - at.getAsLong()))
        : Optional.empty();
  }

  /** Time since the last sign of life. */
  Duration silence() {
    return Duration.ofNanos(nanoTime.getAsLong() - lastBeat.get());
  }

  /** Sends; a stream that ended swallows it, and its end is heard elsewhere. */
  void send(ToMember message) {
    synchronized (out) {
      if (!closed.get()) {
        try {
          out.onNext(message);
        } catch (IllegalStateException | StatusRuntimeException e) {
          closed.set(true); // the call ended or was cancelled a moment ago
        }
      }
    }
  }

  /** Ends the stream; the sidecar attaches anew. */
  void close() {
    synchronized (out) {
      if (closed.compareAndSet(false, true)) {
        try {
          out.onCompleted();
        } catch (IllegalStateException | StatusRuntimeException e) {
          // it ended or was cancelled a moment ago
        }
      }
    }
  }
}
