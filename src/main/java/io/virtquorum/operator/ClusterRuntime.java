package io.virtquorum.operator;

import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Hello;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs one cluster's {@link Adjudication}: a mailbox, and a virtual thread that alone touches it.
 * Streams, probes and the reconciler post; nobody waits for what is decided.
 */
final class ClusterRuntime implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ClusterRuntime.class);
  private static final String STILL_READING = "The HACluster is still being read; try again.";
  private static final int MAILBOX = 1_024;
  private static final Duration TICK = Duration.ofMillis(250);
  private static final Duration CLOSE = Duration.ofSeconds(4);

  private final String namespace;
  private final String name;
  private final Runnable changed;
  private final Adjudication adjudication;
  private final BlockingQueue<Mail> mailbox = new LinkedBlockingQueue<>(MAILBOX);
  private final Thread thread;
  private volatile ClusterSettings settings;
  private volatile boolean closed;

  private sealed interface Mail {
    record Configured(ClusterSettings settings) implements Mail {}

    record Attached(MemberStream stream) implements Mail {}

    record Received(MemberStream stream, FromMember message) implements Mail {}

    record Detached(MemberStream stream) implements Mail {}

    record LeadAgain() implements Mail {}

    record Probed(String member, GuestProbe.Answer answer) implements Mail {}
  }

  /** Starts it. */
  ClusterRuntime(
      String namespace,
      String name,
      Legacy legacy,
      byte[] fingerprintKey,
      Surroundings surroundings) {
    this.namespace = namespace;
    this.name = name;
    this.changed = surroundings.changed();
    this.adjudication =
        new Adjudication(
            namespace,
            name,
            legacy,
            fingerprintKey,
            surroundings,
            (member, answer) -> post(new Mail.Probed(member, answer)));
    this.thread = Thread.ofVirtual().name("adjudicator-" + namespace + "-" + name).start(this::run);
  }

  /** How long nothing was decided here because another operator leads; empty: this one does. */
  Optional<Duration> deposedFor() {
    return adjudication.deposedFor();
  }

  /** The highest term that it or any of its members had or heard. Any thread. */
  long highestTerm() {
    return adjudication.terms().highest();
  }

  /** What there is to show. Any thread. */
  View view() {
    return adjudication.view();
  }

  /**
   * Tells what the spec and the VMs are now; the same again is no news. One thread at a time.
   *
   * @return false if nobody took it in: tell it again
   */
  boolean configure(ClusterSettings newSettings) {
    if (newSettings.equals(settings)) {
      return true;
    }
    if (!post(new Mail.Configured(newSettings))) {
      return false;
    }
    settings = newSettings; // members may attach from here on: what they are told is in the mailbox
    return true;
  }

  /** Why this sidecar may not attach, as a sentence; empty: it may. Any thread. */
  Optional<String> objection(Hello hello) {
    ClusterSettings known = settings;
    if (known == null) {
      return Optional.of(STILL_READING);
    }
    ClusterSettings.Vm vm = known.members().get(hello.getMember());
    if (vm == null) {
      return Optional.of(
          "%s is not a member of %s/%s.".formatted(hello.getMember(), namespace, name));
    }
    if (vm.uid().filter(hello.getVmiUid()::equals).isEmpty()) {
      return Optional.of(
          "%s is another incarnation than the one Kubernetes knows (yet)."
              .formatted(hello.getMember()));
    }
    if (hello.getTermSeen() < 0 || hello.getTermSeen() > Terms.MOST) {
      return Optional.of(
          "%s says that it heard term %s, which no operator ever had."
              .formatted(hello.getMember(), Long.toUnsignedString(hello.getTermSeen())));
    }
    adjudication.terms().heard(hello.getTermSeen()); // also for the next one, if this one ended
    return closed ? Optional.of(STILL_READING) : Optional.empty();
  }

  /** Somebody took away where users are led: lead them again. Any thread. */
  void leadAgain() {
    post(new Mail.LeadAgain());
  }

  void attach(MemberStream stream) {
    if (!post(new Mail.Attached(stream)) || closed) {
      stream.close(); // nobody may read the mail any more
    }
  }

  void detach(MemberStream stream) {
    post(new Mail.Detached(stream));
  }

  /** Takes in a message; beats are dealt with at once and only wake the adjudicator with news. */
  void receive(MemberStream stream, FromMember message) {
    if (!message.hasBeat() || stream.beat(message.getBeat())) {
      if (!mailbox.offer(new Mail.Received(stream, message)) && !message.hasBeat()) {
        LOG.atWarn()
            .addKeyValue("cluster", name)
            .addKeyValue("member", stream.member())
            .log("Mailbox full");
        stream.close(); // it attaches anew and says everything again
      }
    }
  }

  /** False if nobody will read it. */
  private boolean post(Mail mail) {
    try {
      if (closed) {
        return false;
      }
      if (mailbox.offer(mail, 10, TimeUnit.SECONDS)) {
        return true;
      }
      LOG.atError()
          .addKeyValue("namespace", namespace)
          .addKeyValue("cluster", name)
          .log("Adjudicator stuck");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return false;
  }

  /** Ends it, and waits a while until its thread writes nothing any more. */
  @Override
  public void close() {
    end();
    join();
  }

  /** Ends it. Does not wait. */
  void end() {
    closed = true;
    thread.interrupt();
  }

  /** Waits for the end. */
  void join() {
    try {
      if (!thread.join(CLOSE)) {
        LOG.atWarn()
            .addKeyValue("namespace", namespace)
            .addKeyValue("cluster", name)
            .log("The adjudicator did not end in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    long nextTick = System.nanoTime() + TICK.toNanos();
    while (!closed && deposedFor().isEmpty()) {
      try {
        Mail mail = mailbox.poll(nextTick - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (mail != null) {
          handle(mail);
        }
        if (System.nanoTime() - nextTick >= 0) {
          nextTick = System.nanoTime() + TICK.toNanos();
          adjudication.tick();
        }
      } catch (InterruptedException e) {
        break;
      } catch (RuntimeException e) {
        adjudication.writeLater(); // if a record was to be written, it is not known to have been
        LOG.atError()
            .addKeyValue("namespace", namespace)
            .addKeyValue("cluster", name)
            .setCause(e)
            .log("The adjudicator failed on one event and goes on");
      }
    }
    closed = true;
    adjudication.end();
    for (Mail mail = mailbox.poll(); mail != null; mail = mailbox.poll()) {
      if (mail instanceof Mail.Attached attached) {
        attached.stream().close(); // it attaches anew, to whoever leads
      }
    }
    if (deposedFor().isPresent()) {
      changed.run();
    }
  }

  private void handle(Mail mail) {
    switch (mail) {
      case Mail.Configured configured -> adjudication.configured(configured.settings());
      case Mail.Attached attached -> adjudication.attached(attached.stream());
      case Mail.Detached detached -> adjudication.detached(detached.stream());
      case Mail.Received received -> adjudication.received(received.stream(), received.message());
      case Mail.LeadAgain _ -> adjudication.leadAgain();
      case Mail.Probed probed -> adjudication.probed(probed.member(), probed.answer());
    }
  }
}
