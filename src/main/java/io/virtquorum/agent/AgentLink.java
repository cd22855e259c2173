package io.virtquorum.agent;

import io.virtquorum.agent.AgentProtocol.Answer;
import io.virtquorum.guest.Guest.Presence;
import io.virtquorum.guest.GuestException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one agent's socket connected, in step, and watched. One virtual thread owns the socket; it
 * sends one request at a time. {@link #ask} may be called by any thread and waits in a bounded
 * queue.
 */
final class AgentLink implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(AgentLink.class);
  private static final int QUEUE = 64;
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(2);

  private final Path path;
  private final AgentTiming timing;
  private final AgentProtocol protocol = new AgentProtocol();
  private final BlockingQueue<AgentRequest> queue = new ArrayBlockingQueue<>(QUEUE);
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Leftovers leftovers = new Leftovers();
  private final BootWatch boots = new BootWatch();
  private final AgentSight sight;
  private final Thread owner;

  private volatile AgentSocket socket; // null while there is no connection
  private volatile String trouble = "it was never tried";
  private long nextId = newId();

  AgentLink(Path path, AgentTiming timing) {
    this.path = path;
    this.timing = timing;
    this.sight = new AgentSight(path, timing.silentAfter());
    this.owner = Thread.ofVirtual().name("guest-agent").start(this::own);
  }

  Presence presence() {
    return sight.presence();
  }

  /** How many changes of the boot id were seen; requests may be bound to one value. */
  int boot() {
    return boots.count();
  }

  /** Programs whose result nobody waits for any more. */
  Leftovers leftovers() {
    return leftovers;
  }

  /** Sends one command and waits for its answer, which may be a fault. */
  Answer ask(AgentRequest request) throws GuestException {
    try {
      submit(request, Math.max(0, request.end - System.nanoTime()));
      return request.answer.get(Math.max(0, request.end - System.nanoTime()), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      if (request.claim()) {
        queue.remove(request);
        throw notSent();
      }
      throw late(request);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      if (request.claim()) {
        queue.remove(request);
      }
      throw new GuestException.TimedOut("Interrupted while waiting for " + request.command);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof GuestException reason) {
        throw reason;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  /** Queues a command whose answer nobody needs; dropped if the queue is full. */
  void tell(AgentRequest request) {
    if (closing.getCount() > 0 && queue.offer(request)) {
      wake();
    }
  }

  @Override
  public void close() {
    closing.countDown();
    AgentSocket current = socket;
    if (current != null) {
      current.stop();
    }
    try {
      if (!owner.join(CLOSE_WITHIN)) {
        log.atWarn().addKeyValue("socket", path).log("guest agent client did not end in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void submit(AgentRequest request, long nanos)
      throws InterruptedException, GuestException {
    if (closing.getCount() == 0) {
      throw new GuestException.Unreachable("The connection to the guest agent was closed", null);
    }
    if (!queue.offer(request, nanos, TimeUnit.NANOSECONDS)) {
      throw new GuestException.Unreachable(
          QUEUE + " requests already wait for the guest agent, which does not answer", null);
    }
    wake();
    if (closing.getCount() == 0) {
      failAll();
    }
  }

  private void wake() {
    AgentSocket current = socket;
    if (current != null) {
      current.wake();
    }
  }

  private void own() {
    var retry = new Retry(timing);
    while (closing.getCount() > 0) {
      try (AgentSocket connected = AgentSocket.connect(path)) {
        socket = connected;
        sight.connected();
        serve(connected, retry);
      } catch (IOException e) {
        trouble = e.getMessage();
        if (socket != null && closing.getCount() > 0) {
          sight.gone(trouble);
        }
      } catch (RuntimeException e) {
        trouble = e.toString();
        log.atError().addKeyValue("socket", path).setCause(e).log("guest agent client failed");
      } finally {
        socket = null;
      }
      retry.pause(closing);
    }
    failAll();
  }

  private void serve(AgentSocket connected, Retry retry) throws IOException {
    resynchronize(connected);
    retry.reset();
    while (closing.getCount() > 0) {
      AgentRequest request = queue.poll();
      try {
        if (request != null) {
          perform(connected, request);
        } else {
          long left = timing.heartbeat().toNanos() - sight.age();
          if (left > 0) {
            connected.idle(left);
          } else {
            beat(connected);
          }
        }
      } catch (AgentSocket.Late late) {
        resynchronize(connected);
      }
    }
  }

  private void perform(AgentSocket connected, AgentRequest request) throws IOException {
    if (!request.claim()) {
      return;
    }
    if (boots.isOver(request.boot)) {
      request.fail(rebooted(request));
      return;
    }
    if (request.end - System.nanoTime() <= 0) {
      request.fail(notSent());
      return;
    }
    try {
      Answer answer =
          exchange(connected, request.command, request.arguments, request.limit, request.end);
      if (boots.isOver(request.boot)) {
        request.fail(rebooted(request));
      } else {
        request.answer.complete(answer);
      }
    } catch (AgentSocket.Late e) {
      request.fail(late(request));
      throw e;
    } catch (IOException | RuntimeException e) {
      request.fail(
          new GuestException.Unreachable(
              "The connection to the guest agent ended during "
                  + request.command
                  + "; whether it was executed is unknown",
              e));
      throw e;
    }
  }

  private void beat(AgentSocket connected) throws IOException {
    long end = System.nanoTime() + timing.silentAfter().toNanos();
    Long pid = leftovers.poll();
    if (pid == null) {
      exchange(connected, "guest-ping", Map.of(), 0, end);
      return;
    }
    Answer status = exchange(connected, "guest-exec-status", Map.of("pid", pid), 0, end);
    if (status.fault().isEmpty() && !status.flag("exited")) {
      leftovers.add(pid);
    }
  }

  /** One request and its answer; after a gap the boot is looked at before the answer counts. */
  private Answer exchange(
      AgentSocket connected, String command, Map<String, Object> arguments, int limit, long end)
      throws IOException {
    boolean old = sight.isOld();
    Answer answer = transfer(connected, command, arguments, limit, end);
    if (old || sight.isOld()) {
      lookAtBoot(connected);
    }
    sight.answered(boots.id());
    return answer;
  }

  private Answer transfer(
      AgentSocket connected, String command, Map<String, Object> arguments, int limit, long end)
      throws IOException {
    long id = nextId++;
    protocol.write(connected.sender(end), command, arguments, id);
    while (true) {
      var answer = protocol.read(connected.line(end, timing.stall()), limit);
      if (answer.isPresent() && answer.get().id() == id) {
        return answer.get();
      }
    }
  }

  /** Asks until an answer to a fresh id comes; ends by an exception if the socket does. */
  private void resynchronize(AgentSocket connected) throws IOException {
    var sync = new AgentSync(connected, protocol);
    Duration wait = timing.firstRetry();
    while (closing.getCount() > 0) {
      try {
        sync.attempt(newId(), System.nanoTime() + wait.toNanos());
        lookAtBoot(connected);
        sight.answered(boots.id());
        return;
      } catch (AgentSocket.Late e) {
        trouble = "the agent in the VM does not answer";
        sight.unanswered();
        wait = Retry.longer(wait, timing);
      }
    }
  }

  private void lookAtBoot(AgentSocket connected) throws IOException {
    long end = System.nanoTime() + timing.stall().toNanos();
    boolean changed =
        boots.look((command, arguments) -> transfer(connected, command, arguments, 4096, end));
    if (changed) {
      leftovers.clear();
      log.atInfo().addKeyValue("bootId", boots.id()).log("guest rebooted");
    }
  }

  private void failAll() {
    for (AgentRequest left = queue.poll(); left != null; left = queue.poll()) {
      left.fail(
          new GuestException.Unreachable("The connection to the guest agent was closed", null));
    }
  }

  private GuestException.Unreachable notSent() {
    return new GuestException.Unreachable(
        "The guest agent cannot be reached at "
            + path
            + " ("
            + trouble
            + "); nothing was sent. Is the VM running, and qemu-ga in it on the port"
            + " io.virtquorum.agent.0?",
        null);
  }

  private static GuestException.TimedOut late(AgentRequest request) {
    return new GuestException.TimedOut(
        "The guest agent did not answer "
            + request.command
            + " in time; whether it was executed is unknown");
  }

  private static GuestException.Rebooted rebooted(AgentRequest request) {
    return new GuestException.Rebooted(
        "The guest rebooted before the answer to " + request.command);
  }

  private static long newId() {
    return ThreadLocalRandom.current().nextLong(1, 1L << 53);
  }
}
