package io.virtquorum.operator;

import io.javaoperatorsdk.operator.processing.event.ResourceID;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Has an HACluster reconciled again after a while. What the SDK has for that waits by the wall
 * clock: an hour longer if somebody sets that back by one. Safe on any thread.
 */
final class Alarm {
  private final Consumer<ResourceID> rings;
  private final Map<ResourceID, Thread> set = new ConcurrentHashMap<>();

  /**
   * @param rings hears whose time has come, on a thread of its own
   */
  Alarm(Consumer<ResourceID> rings) {
    this.rings = rings;
  }

  /** Rings after this time, and not when it was to ring before. */
  void in(Duration time, ResourceID cluster) {
    Thread thread =
        Thread.ofVirtual().name("alarm-" + cluster).unstarted(() -> ring(time, cluster));
    Optional.ofNullable(set.put(cluster, thread)).ifPresent(Thread::interrupt);
    thread.start();
  }

  /** Does not ring any more. */
  void off(ResourceID cluster) {
    Optional.ofNullable(set.remove(cluster)).ifPresent(Thread::interrupt);
  }

  private void ring(Duration time, ResourceID cluster) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      return;
    }
    if (set.remove(cluster, Thread.currentThread())) {
      rings.accept(cluster);
    }
  }
}
