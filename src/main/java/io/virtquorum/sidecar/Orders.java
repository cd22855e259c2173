package io.virtquorum.sidecar;

import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.FromMember;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * Decides which commands are obeyed: those of the highest term seen and of the newest stream, on
 * whose beginning a leader forgets what it ordered before, until they expire, each once. An
 * adjudicator that does not know whether a command arrived sends it again and hears the same
 * answer. Safe for many threads; nothing here blocks.
 */
final class Orders {
  /** Answers that are remembered. */
  static final int REMEMBERED = 100;

  /** Commands that wait; the adjudicator gives a member one at a time, so this is plenty. */
  static final int WAITING = 16;

  private final LongConsumer keep;
  private final Queue<Order> waiting = new ArrayDeque<>();
  private final Map<String, Optional<FromMember>> answers =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Optional<FromMember>> eldest) {
          return size() > REMEMBERED + WAITING;
        }
      };
  private final Set<String> recalled = new HashSet<>(); // of those that wait or run
  private long term;
  private long stream;
  private boolean begun; // a stream, on which no leader spoke yet

  /**
   * A command that waits or runs.
   *
   * @param stream counts those that a leader spoke on
   * @param deadline on {@link System#nanoTime}'s scale
   */
  record Order(Command command, long stream, long deadline) {
    /** Time left; zero when it expired. */
    Duration left(long nanoTime) {
      return Duration.ofNanos(Math.max(0, deadline - nanoTime));
    }
  }

  /**
   * @param term the highest that an earlier life obeyed; 0: none
   * @param keep called with every higher one, before it is obeyed
   */
  Orders(long term, LongConsumer keep) {
    this.term = term;
    this.keep = keep;
  }

  /** The highest term seen; 0: none. */
  synchronized long term() {
    return term;
  }

  /** True if this term is to be obeyed; from then on no older one is. */
  synchronized boolean obeys(long offered) {
    if (offered < term) {
      return false;
    }
    if (offered > term) {
      keep.accept(offered);
      term = offered;
    }
    return true;
  }

  /**
   * A stream began. Nobody may lead at its other end: what runs is wanted until somebody speaks.
   */
  synchronized void attached() {
    begun = true;
  }

  /**
   * Whoever leads says how to work, which is the first it says on a stream.
   *
   * @return as {@link #obeys}
   */
  synchronized boolean configured(long offered) {
    if (!obeys(offered)) {
      return false;
    }
    stream += begun ? 1 : 0;
    begun = false;
    return true;
  }

  /** True if somebody waits for the end of this order. */
  synchronized boolean wants(Order order) {
    return order.command().getTerm() >= term
        && order.stream() == stream
        && !recalled.contains(order.command().getId());
  }

  /** Nobody waits for the end of this order any more; nothing if it ended, or is not known. */
  synchronized void recall(String id) {
    if (answers.containsKey(id) && answers.get(id).isEmpty()) {
      recalled.add(id);
    }
  }

  /**
   * Takes a command.
   *
   * @param nanoTime when it was received
   * @return what to answer at once; empty: it waits for its turn, or runs already
   */
  synchronized Optional<FromMember> take(Command command, long nanoTime) {
    String id = command.getId();
    if (!obeys(command.getTerm())) {
      return Optional.of(
          Answers.refused(
              id,
              WireMapping.OLD_TERM,
              "Term %d gave this order and term %d leads now".formatted(command.getTerm(), term)));
    }
    if (id.isEmpty() || command.getOrderCase() == Command.OrderCase.ORDER_NOT_SET) {
      return Optional.of(
          Answers.refused(
              id, "UnknownOrder", "This sidecar does not know the order; update its image"));
    }
    Optional<FromMember> known = answers.get(id);
    if (known != null) {
      return known;
    }
    if (waiting.size() >= WAITING) {
      return Optional.of(Answers.refused(id, "Busy", WAITING + " orders are waiting already"));
    }
    answers.put(id, Optional.empty());
    long expiry = Integer.toUnsignedLong(command.getExpiresInMillis());
    waiting.add(new Order(command, stream, nanoTime + Duration.ofMillis(expiry).toNanos()));
    return Optional.empty();
  }

  /** The next command to run; empty: none waits. Check {@link #refusal} before running it. */
  synchronized Optional<Order> next() {
    return Optional.ofNullable(waiting.poll());
  }

  /** Why an order that waited must not run any more; empty: it may. */
  synchronized Optional<FromMember> refusal(Order order, long nanoTime) {
    String id = order.command().getId();
    if (order.command().getTerm() < term) {
      return Optional.of(
          Answers.refused(id, WireMapping.OLD_TERM, "A newer leader took over while it waited"));
    }
    if (recalled.contains(id)) {
      return Optional.of(Answers.recalled(id));
    }
    if (!wants(order)) {
      return Optional.of(
          Answers.refused(id, "Forgotten", "Its stream ended while it waited, and so nobody asks"));
    }
    if (order.left(nanoTime).isZero()) {
      return Optional.of(Answers.refused(id, "Expired", "It expired before its turn came"));
    }
    return Optional.empty();
  }

  /** Remembers the answer to a command, for when it is sent again. */
  synchronized void answered(String id, FromMember answer) {
    answers.put(id, Optional.of(answer));
    recalled.remove(id);
  }
}
