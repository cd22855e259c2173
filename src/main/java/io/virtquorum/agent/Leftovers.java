package io.virtquorum.agent;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * Programs whose caller gave up. The agent keeps an ended program's output until its status is
 * fetched, so somebody must; at most {@value #MOST} are remembered. Thread-safe.
 */
final class Leftovers {
  private static final int MOST = 64;

  private final BlockingQueue<Long> pids = new ArrayBlockingQueue<>(MOST);

  /** Remembers it, unless there are too many: then it stays in the agent's memory. */
  void add(long pid) {
    boolean unused = pids.offer(pid);
  }

  Long poll() {
    return pids.poll();
  }

  void clear() {
    pids.clear();
  }
}
