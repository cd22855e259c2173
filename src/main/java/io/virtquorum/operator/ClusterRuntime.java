package io.virtquorum.operator;

import io.virtquorum.adjudicate.Adjudicator;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.State;
import io.virtquorum.adjudicate.Step;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Hello;
import io.virtquorum.wire.v1.ToMember;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One cluster's adjudicator at work: the reducer, a mailbox, and a virtual thread that alone
 * touches both. Streams and the reconciler post; orders go out on the streams; the record goes
 * through the {@link RecordStore}.
 */
final class ClusterRuntime implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ClusterRuntime.class);
  private static final int MAILBOX = 1_024;
  private static final Duration TICK = Duration.ofMillis(250);
  private static final Duration LEAD_AGAIN = Duration.ofSeconds(1);
  private static final Duration FIRST_WAIT = Duration.ofMillis(500);
  private static final Duration LAST_WAIT = Duration.ofSeconds(15);
  private static final Duration CLOSE = Duration.ofSeconds(4);

  private final String namespace;
  private final String name;
  private final byte[] fingerprintKey;
  private final Surroundings surroundings;
  private final BlockingQueue<Mail> mailbox = new LinkedBlockingQueue<>(MAILBOX);
  private final Map<String, MemberStream> streams = new HashMap<>();
  private final Detector detector;
  private final Thread thread;
  private State state;
  private boolean leadPending;
  private long leadNotBefore = System.nanoTime();
  private Optional<Long> writeAgainAt = Optional.empty();
  private Duration writeWait = FIRST_WAIT;
  private String audited = "";
  private volatile ClusterSettings settings;
  private volatile View view;
  private volatile boolean closed;
  private volatile Optional<Instant> deposedAt = Optional.empty();

  /**
   * What a runtime needs of the operator.
   *
   * @param store writes the record
   * @param announcer tells people
   * @param leader leads users to a member
   * @param changed hears that the view changed
   */
  record Surroundings(
      RecordStore store, Announcer announcer, UserLeader leader, Runnable changed, Clock clock) {}

  /** Leads the cluster's users to a pod at once; false if that failed and must be tried again. */
  @FunctionalInterface
  interface UserLeader {
    boolean lead(String podAddress, Optional<String> node);
  }

  private sealed interface Mail {
    record Configured(ClusterSettings settings) implements Mail {}

    record Attached(MemberStream stream) implements Mail {}

    record Received(MemberStream stream, FromMember message) implements Mail {}

    record Detached(MemberStream stream) implements Mail {}

    record LeadAgain() implements Mail {}

    record Probed(String member, GuestProbe.Answer answer) implements Mail {}
  }

  ClusterRuntime(
      String namespace,
      String name,
      ClusterRecord record,
      byte[] fingerprintKey,
      Surroundings surroundings) {
    this.namespace = namespace;
    this.name = name;
    this.fingerprintKey = fingerprintKey.clone();
    this.surroundings = surroundings;
    this.state = State.begin(record.term() + 1, record);
    this.view = View.of(state, surroundings.clock().instant());
    this.detector =
        new Detector(
            new GuestProbe(),
            task -> Thread.ofVirtual().name("probe-" + name).start(task),
            (member, answer) -> post(new Mail.Probed(member, answer)),
            System::nanoTime);
    this.thread = Thread.ofVirtual().name("adjudicator-" + namespace + "-" + name).start(this::run);
  }

  /** Since when another operator leads this cluster by the record; empty: it does not. */
  Optional<Instant> deposedAt() {
    return deposedAt;
  }

  /** What there is to show. Any thread. */
  View view() {
    return view;
  }

  /** Tells what the spec and the VMs are now; the same again is no news. Any thread. */
  void configure(ClusterSettings newSettings) {
    if (!newSettings.equals(settings)) {
      settings = newSettings;
      post(new Mail.Configured(newSettings));
    }
  }

  /** Why this sidecar may not attach, as a sentence; empty: it may. Any thread. */
  Optional<String> objection(Hello hello) {
    ClusterSettings known = settings;
    if (known == null || closed) {
      return Optional.of("The HACluster is still being read; try again.");
    }
    ClusterSettings.Vm vm = known.members().get(hello.getMember());
    if (vm == null) {
      return Optional.of(
          "%s is not a member of %s/%s.".formatted(hello.getMember(), namespace, name));
    }
    return vm.uid().filter(hello.getVmiUid()::equals).isPresent()
        ? Optional.empty()
        : Optional.of(
            "%s is another incarnation than the one Kubernetes knows (yet)."
                .formatted(hello.getMember()));
  }

  /** Somebody took away where users are led: lead them again. Any thread. */
  void leadAgain() {
    post(new Mail.LeadAgain());
  }

  void attach(MemberStream stream) {
    post(new Mail.Attached(stream));
    if (closed) {
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

  private void post(Mail mail) {
    try {
      if (!closed && !mailbox.offer(mail, 10, TimeUnit.SECONDS)) {
        LOG.atError()
            .addKeyValue("namespace", namespace)
            .addKeyValue("cluster", name)
            .log("Adjudicator stuck");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
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

  // --- everything below runs on the cluster's own thread -----------------------------------------

  private void run() {
    long nextTick = System.nanoTime() + TICK.toNanos();
    while (!closed) {
      try {
        Mail mail = mailbox.poll(nextTick - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (mail != null) {
          handle(mail);
        }
        if (System.nanoTime() - nextTick >= 0) {
          nextTick = System.nanoTime() + TICK.toNanos();
          tick();
        }
      } catch (InterruptedException e) {
        break;
      } catch (RuntimeException e) {
        writeLater(); // if a record was to be written, it is not known to have been
        LOG.atError()
            .addKeyValue("namespace", namespace)
            .addKeyValue("cluster", name)
            .setCause(e)
            .log("The adjudicator failed on one event and goes on");
      }
    }
    streams.values().forEach(MemberStream::close);
    if (deposedAt.isPresent()) {
      surroundings.changed().run();
    }
  }

  private void tick() {
    watch();
    if (System.nanoTime() - leadNotBefore >= 0) {
      lead();
    }
    if (writeAgainAt.isPresent() && System.nanoTime() - writeAgainAt.get() >= 0) {
      writeAgainAt = Optional.empty();
      step(new Event.Superseded(state.record())); // decided anew
    } else {
      step(new Event.Tick());
    }
  }

  /** After a write whose end is unknown nothing is decided for a while. */
  private void writeLater() {
    if (state.writing().isPresent() && writeAgainAt.isEmpty()) {
      writeAgainAt = Optional.of(System.nanoTime() + writeWait.toNanos());
      Duration longer = writeWait.multipliedBy(2);
      writeWait = longer.compareTo(LAST_WAIT) > 0 ? LAST_WAIT : longer;
    }
  }

  private void handle(Mail mail) {
    switch (mail) {
      case Mail.Configured configured -> {
        streams.forEach((member, stream) -> sendConfigure(stream, configured.settings()));
        audit(configured.settings().auditRequest());
        step(new Event.Configured(configured.settings().config()));
        // What another leader recorded before may still have to be followed.
        leadPending = true;
        lead();
      }
      case Mail.Attached attached -> {
        MemberStream before = streams.put(attached.stream().member(), attached.stream());
        if (before != null) {
          before.close();
        }
        sendConfigure(attached.stream(), settings);
        log(attached.stream().member(), "Sidecar attached");
        step(new Event.Attached(attached.stream().member()));
      }
      case Mail.Detached detached -> {
        if (streams.remove(detached.stream().member(), detached.stream())) {
          log(detached.stream().member(), "Sidecar detached");
          step(new Event.Detached(detached.stream().member()));
        }
      }
      case Mail.Received received -> {
        if (streams.get(received.stream().member()) == received.stream()) {
          receiveNow(received.stream(), received.message());
        }
      }
      case Mail.LeadAgain _ -> {
        leadPending = true;
        lead();
      }
      case Mail.Probed probed -> detector.heard(probed.member(), probed.answer());
    }
  }

  private void receiveNow(MemberStream stream, FromMember message) {
    try {
      switch (message.getMessageCase()) {
        case BEAT -> watch();
        case BALLOT -> step(CoreMapping.ballot(stream, message.getBallot()));
        case OFFER -> step(CoreMapping.offer(message.getOffer()));
        case PROGRESS -> step(CoreMapping.progress(message.getProgress()));
        case HELLO, MESSAGE_NOT_SET -> stream.close();
      }
    } catch (WireException e) {
      LOG.atWarn()
          .addKeyValue("namespace", namespace)
          .addKeyValue("cluster", name)
          .addKeyValue("member", stream.member())
          .log("Closed a stream that broke the protocol: {}", e.getMessage());
      stream.close();
    }
  }

  /** Ends silent streams and looks who is dead. */
  private void watch() {
    ClusterSettings known = settings;
    if (known == null) {
      return;
    }
    streams.values().stream()
        .filter(s -> s.silence().compareTo(Detector.silence(known.beat())) > 0)
        .toList()
        .forEach(
            s -> {
              s.close();
              handle(new Mail.Detached(s));
            });
    for (String member : state.record().members().keySet()) {
      boolean dead =
          detector.dead(
              member,
              Optional.ofNullable(streams.get(member)),
              Optional.ofNullable(known.members().get(member)),
              known.accessPorts());
      if (dead && !state.isDead(member)) {
        log(member, "Guest is dead");
        step(new Event.Died(member));
      } else if (!dead && state.isDead(member)) {
        MemberStream revived = streams.get(member);
        if (revived != null) {
          revived.close(); // it attaches anew and says how it is
          handle(new Mail.Detached(revived));
        }
      }
    }
  }

  private void step(Event first) {
    Deque<Event> events = new ArrayDeque<>();
    events.add(first);
    while (!events.isEmpty() && !closed) {
      Step step = Adjudicator.step(state, events.remove(), now());
      state = step.state();
      for (Command command : step.commands()) {
        execute(command).ifPresent(events::add);
      }
    }
    View next = View.of(state, now());
    if (!next.equals(view)) {
      view = next;
      surroundings.changed().run();
    }
  }

  private Optional<Event> execute(Command command) {
    switch (command) {
      case Command.Order order -> {
        MemberStream stream = streams.get(order.member());
        if (stream != null) {
          LOG.atInfo()
              .addKeyValue("namespace", namespace)
              .addKeyValue("cluster", name)
              .addKeyValue("member", order.member())
              .addKeyValue("term", state.term())
              .addKeyValue("order", order.id())
              .log("{}", order);
          stream.send(CoreMapping.order(order, state.term(), settings));
        }
        return Optional.empty();
      }
      case Command.Tell tell -> {
        surroundings.announcer().tell(tell);
        return Optional.empty();
      }
      case Command.Write write -> {
        return write(write);
      }
    }
  }

  private Optional<Event> write(Command.Write write) {
    Optional<String> before = state.record().primary();
    RecordStore.Swap swap =
        surroundings.store().swap(namespace, name, state.record(), write.record());
    return switch (swap) {
      case RecordStore.Swap.Written _ -> {
        state = state.recorded(write.record());
        writeWait = FIRST_WAIT;
        leadPending |= !write.record().primary().equals(before);
        lead();
        LOG.atInfo()
            .addKeyValue("namespace", namespace)
            .addKeyValue("cluster", name)
            .addKeyValue("term", write.record().term())
            .addKeyValue("epoch", write.record().committed().map(c -> c.epoch()).orElse(0L))
            .log("Recorded {}", write.record());
        write.then().ifPresent(surroundings.announcer()::tell);
        yield Optional.of(new Event.Recorded(write.record()));
      }
      case RecordStore.Swap.Other other -> {
        // Whoever has not written yet has no claim to a term that is in the record already.
        if (other.record().term() > state.term()
            || (other.record().term() == state.term() && state.record().term() < state.term())) {
          LOG.atWarn()
              .addKeyValue("namespace", namespace)
              .addKeyValue("cluster", name)
              .addKeyValue("term", state.term())
              .log(
                  "Another operator leads with term {}: this one stops deciding",
                  other.record().term());
          deposedAt = Optional.of(now());
          closed = true;
        }
        yield Optional.of(new Event.Superseded(other.record()));
      }
      case RecordStore.Swap.Unknown unknown -> {
        LOG.atError()
            .addKeyValue("namespace", namespace)
            .addKeyValue("cluster", name)
            .log("The record could not be written: {}", unknown.why());
        writeLater();
        yield Optional.empty();
      }
    };
  }

  /** Leads users to the recorded primary if that is still to be done. */
  private void lead() {
    ClusterSettings known = settings;
    if (leadPending && known != null) {
      Optional<ClusterSettings.Vm> vm = state.record().primary().map(known.members()::get);
      Optional<String> address = vm.flatMap(ClusterSettings.Vm::podAddress);
      leadPending =
          address.isPresent() && !surroundings.leader().lead(address.get(), vm.get().node());
      leadNotBefore = System.nanoTime() + LEAD_AGAIN.toNanos();
    }
  }

  private void sendConfigure(MemberStream stream, ClusterSettings known) {
    stream.send(
        ToMember.newBuilder()
            .setConfigure(known.configure(stream.member(), state.term(), fingerprintKey))
            .build());
  }

  /** Has every member audit at once if that was asked for anew. */
  private void audit(String request) {
    if (!request.isEmpty() && !request.equals(audited)) {
      LOG.atInfo().addKeyValue("namespace", namespace).addKeyValue("cluster", name).log("Audit");
      streams.values().forEach(s -> s.send(CoreMapping.audit(state.term(), request)));
    }
    audited = request;
  }

  private Instant now() {
    return surroundings.clock().instant();
  }

  private void log(String member, String event) {
    LOG.atInfo()
        .addKeyValue("namespace", namespace)
        .addKeyValue("cluster", name)
        .addKeyValue("member", member)
        .addKeyValue("term", state.term())
        .log(event);
  }
}
