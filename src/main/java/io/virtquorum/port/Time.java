package io.virtquorum.port;

import java.time.Duration;

/** Time as whoever works with a guest counts it: the machine's, or a simulation's. */
public interface Time {
  /** The machine's. */
  Time MACHINE =
      new Time() {
        @Override
        public long nanos() {
          return System.nanoTime();
        }

        @Override
        public void sleep(Duration duration) throws InterruptedException {
          Thread.sleep(duration);
        }
      };

  /** Nanoseconds since some moment, as {@link System#nanoTime}. */
  long nanos();

  /** Lets time pass. */
  void sleep(Duration duration) throws InterruptedException;

  /** A limit that is so far away; a century where it is further. */
  default Limit in(Duration duration) {
    long most = Long.MAX_VALUE / 4;
    long nanos = duration.compareTo(Duration.ofNanos(most)) > 0 ? most : duration.toNanos();
    return new Limit(nanos() + nanos, this);
  }
}
