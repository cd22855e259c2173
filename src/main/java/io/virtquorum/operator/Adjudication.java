package io.virtquorum.operator;

import io.virtquorum.adjudicate.Adjudicator;
import io.virtquorum.adjudicate.Assessment;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Exposed;
import io.virtquorum.adjudicate.Exposure;
import io.virtquorum.adjudicate.Outcome;
import io.virtquorum.adjudicate.Route;
import io.virtquorum.adjudicate.State;
import io.virtquorum.adjudicate.Step;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Progress;
import io.virtquorum.wire.v1.ToMember;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * One cluster's adjudication: what its members say goes into the reducer, and what the reducer
 * wants goes out, as orders on the streams, as the record through the {@link RecordStore}, and as
 * where users are led. For one thread; {@link ClusterRuntime} has it.
 */
final class Adjudication {
  private static final Logger LOG = LoggerFactory.getLogger(Adjudication.class);
  private static final Duration FIRST_WAIT = Duration.ofMillis(500);
  private static final Duration LAST_WAIT = Duration.ofSeconds(15);

  private final String namespace;
  private final String name;
  private final byte[] fingerprintKey;
  private final Surroundings surroundings;
  private final Map<String, MemberStream> streams = new HashMap<>();
  private final Detector detector;
  private final UserGuide guide;
  private State state;
  private Optional<Assessment> assessment = Optional.empty();
  private ClusterSettings settings;
  private Optional<Long> writeAgainAt = Optional.empty();
  private Duration writeWait = FIRST_WAIT;
  private String audited = "";
  private final SteadyClock clock;
  private final Terms terms;
  private volatile View view;
  private volatile Optional<Long> deposedAt = Optional.empty();

  /**
   * @param probed hears what a probe of a member's guest found, on any thread
   */
  Adjudication(
      String namespace,
      String name,
      Legacy legacy,
      byte[] fingerprintKey,
      Surroundings surroundings,
      BiConsumer<String, GuestProbe.Answer> probed) {
    this.namespace = namespace;
    this.name = name;
    this.fingerprintKey = fingerprintKey.clone();
    this.surroundings = surroundings;
    this.clock = new SteadyClock(surroundings.clock(), surroundings.nanoTime());
    this.state =
        State.begin(
            legacy.nextTerm(),
            legacy.record(),
            Exposure.begin(legacy.exposedSince().map(this::past), legacy.committedAt()));
    this.terms = new Terms(state.term());
    this.view = View.of(state, assessment, Map.of(), clock::shown);
    this.guide = new UserGuide(surroundings.leader(), surroundings.nanoTime());
    this.detector =
        new Detector(
            surroundings.probes().probe(),
            surroundings.probes().executor(),
            probed,
            surroundings.nanoTime());
  }

  /**
   * How long nothing was decided here any more, because another operator leads by the record or to
   * a member; empty: this one decides. Any thread.
   */
  Optional<Duration> deposedFor() {
    return deposedAt.map(at -> Duration.ofNanos(nanoTime() - at));
  }

  /** What is known of terms. */
  Terms terms() {
    return terms;
  }

  /** What there is to show. Any thread. */
  View view() {
    return view;
  }

  /** The spec or the VMs changed. */
  void configured(ClusterSettings newSettings) {
    settings = newSettings;
    streams.forEach((member, stream) -> sendConfigure(stream));
    audit(newSettings.auditRequest());
    step(new Event.Configured(newSettings.config()));
    leadAgain(); // what another leader recorded before may still have to be followed
  }

  void attached(MemberStream stream) {
    MemberStream before = streams.put(stream.member(), stream);
    if (before != null) {
      before.close();
      unseen(before);
    }
    terms.heard(stream.termSeen());
    if (terms.overrule(stream.member(), stream.termSeen())) {
      overruled(stream.member());
      return;
    }
    sendConfigure(stream);
    log(stream.member(), "Sidecar attached");
    step(new Event.Attached(stream.member()));
    // The first ballot may be of a look long ago: that waited for a stream, or for its sidecar.
    step(new Event.Blind(stream.member(), clock.now()));
  }

  void detached(MemberStream stream) {
    if (streams.remove(stream.member(), stream)) {
      log(stream.member(), "Sidecar detached");
      unseen(stream);
      step(new Event.Detached(stream.member()));
    }
  }

  /** Takes in what a member said; nothing of a stream that another one replaced. */
  void received(MemberStream stream, FromMember message) {
    if (streams.get(stream.member()) == stream) {
      receiveNow(stream, message);
    }
  }

  void probed(String member, GuestProbe.Answer answer) {
    detector.heard(member, answer);
  }

  /** Leads users to the primary, whether or not they are led there already. */
  void leadAgain() {
    guide.begin();
    lead();
  }

  /** Ends all streams. */
  void end() {
    streams.values().forEach(MemberStream::close);
  }

  /** Time passed. */
  void tick() {
    watch();
    looks().ifPresent(this::step);
    if (guide.isDue()) {
      lead();
    }
    if (writeAgainAt.isPresent() && nanoTime() - writeAgainAt.get() >= 0) {
      writeAgainAt = Optional.empty();
      fence();
    } else {
      step(new Event.Tick());
    }
  }

  /** A write whose end is unknown may be executed, now or later, unless it is made void. */
  private void fence() {
    Optional<ClusterRecord> now = surroundings.store().fence(namespace, name);
    if (now.isEmpty()) {
      writeLater();
      return;
    }
    log(Level.INFO).log("The record is known again: {}", now.get());
    boolean another = !now.get().primary().equals(state.record().primary());
    step(superseded(now.get()));
    if (deposedAt.isEmpty()) {
      if (another) {
        guide.begin();
      }
      lead();
    }
  }

  /** True while it is not known how the last change of the record ended: nothing is decided. */
  boolean isWriting() {
    return state.isWriting();
  }

  /** After a write whose end is unknown nothing is decided for a while. */
  void writeLater() {
    if (isWriting() && writeAgainAt.isEmpty()) {
      writeAgainAt = Optional.of(nanoTime() + writeWait.toNanos());
      Duration longer = writeWait.multipliedBy(2);
      writeWait = longer.compareTo(LAST_WAIT) > 0 ? LAST_WAIT : longer;
    }
  }

  private void receiveNow(MemberStream stream, FromMember message) {
    try {
      switch (message.getMessageCase()) {
        case BEAT -> watch();
        case BALLOT ->
            step(
                CoreMapping.ballot(
                    stream, message.getBallot(), stream.heldAge().map(clock.now()::minus)));
        case OFFER ->
            step(OfferedAddress.check(CoreMapping.offer(stream, message.getOffer()), settings));
        case PROGRESS -> {
          if (isOverruled(stream, message.getProgress())) {
            overruled(stream.member());
          } else {
            step(CoreMapping.progress(stream, message.getProgress()));
          }
        }
        case HEALTH -> {
          stream.health(WireMapping.read(message.getHealth()));
          show();
        }
        case HELLO -> stream.close();
        case MESSAGE_NOT_SET -> log(stream.member(), "A newer sidecar said what is not known here");
      }
    } catch (WireException e) {
      log(Level.WARN)
          .addKeyValue("member", stream.member())
          .log("Closed a stream that broke the protocol: {}", e.getMessage());
      stream.close();
    }
  }

  private boolean isOverruled(MemberStream stream, Progress progress) {
    return progress.getReason().equals(WireMapping.OLD_TERM)
        && state.isUnderWay(progress.getCommandId(), stream.member());
  }

  /**
   * A member obeys a newer term only. Whether that leader lives, and whether it ever wrote the
   * record, does not matter: nobody obeys this one, and whoever holds the lease leads anew with a
   * term that counts.
   */
  private void overruled(String member) {
    deposed(log(Level.WARN).addKeyValue("member", member), "A member heard a newer leader");
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
              detached(s);
            });
    Set<String> members = new TreeSet<>(state.record().members().keySet());
    members.addAll(known.members().keySet()); // those that are to join come back to life as well
    for (String member : members) {
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
          detached(revived);
        }
      }
    }
  }

  private void step(Event first) {
    Deque<Event> events = new ArrayDeque<>();
    events.add(first);
    while (!events.isEmpty() && deposedAt.isEmpty()) {
      Optional<String> led = state.record().primary();
      Step step = Adjudicator.step(state, events.remove(), clock.now());
      state = step.state();
      if (!state.record().primary().equals(led)) { // nobody watched the looks of this one yet
        looks().ifPresent(events::add);
      }
      assessment = step.assessment();
      for (Command command : step.commands()) {
        Optional<String> puller = puller(command).filter(p -> !settings.members().containsKey(p));
        if (puller.isPresent()) {
          events.addAll(undeliverable((Command.Order) command, puller.get()));
        } else {
          execute(command).ifPresent(events::add);
        }
      }
    }
    show();
  }

  private void show() {
    Map<String, HealthContent> health = new HashMap<>();
    streams.forEach((member, stream) -> health.put(member, stream.health()));
    View next = View.of(state, assessment, health, clock::shown);
    if (!next.equals(view)) {
      view = next;
      surroundings.changed().run();
    }
  }

  /** Whom a member is to serve, if that is what it is to do. */
  private static Optional<String> puller(Command command) {
    return switch (command) {
      case Command.Serve serve -> Optional.of(serve.puller());
      case Command.ServeOutput serve -> Optional.of(serve.puller());
      default -> Optional.empty();
    };
  }

  /** Without an address there is nobody to serve: the order failed, and the sample is as it was. */
  private List<Event> undeliverable(Command.Order order, String puller) {
    var trouble =
        new Trouble(
            "SyncAddressUnknown",
            puller + " has no sync address: its VM is gone, or is no longer this cluster's.");
    List<Event> events = new ArrayList<>();
    events.add(new Event.Finished(order.member(), order.id(), new Outcome.Failed(trouble, false)));
    Optional.ofNullable(state.ballots().get(order.member()))
        .ifPresent(ballot -> events.add(new Event.Voted(order.member(), ballot)));
    return events;
  }

  private Optional<Event> execute(Command command) {
    switch (command) {
      case Command.Order order -> {
        MemberStream stream = streams.get(order.member());
        if (stream != null) {
          log(Level.INFO)
              .addKeyValue("member", order.member())
              .addKeyValue("order", order.id())
              .log("{}", order);
          stream.send(CoreMapping.order(order, state.term(), settings));
        }
        return Optional.empty();
      }
      case Command.RouteUsers _ -> {
        leadAgain();
        return Optional.empty();
      }
      case Command.Stand stand -> {
        MemberStream stream = streams.get(stand.member());
        if (stream != null) {
          stream.send(CoreMapping.standing(stand.standing(), state.term()));
        }
        return Optional.empty();
      }
      case Command.Tell tell -> {
        surroundings.news().accept(tell);
        return Optional.empty();
      }
      case Command.Write write -> {
        return write(write);
      }
    }
  }

  private Optional<Event> write(Command.Write write) {
    RecordStore.Swap swap =
        surroundings.store().swap(namespace, name, state.record(), write.record());
    return switch (swap) {
      case RecordStore.Swap.Written _ -> {
        writeWait = FIRST_WAIT;
        log(Level.INFO)
            .addKeyValue("epoch", write.record().committed().map(c -> c.epoch()).orElse(0L))
            .log("Recorded {}", write.record());
        yield Optional.of(new Event.Recorded(write.record()));
      }
      case RecordStore.Swap.Other other -> Optional.of(superseded(other.record()));
      case RecordStore.Swap.Unknown unknown -> {
        log(Level.ERROR).log("The record could not be written: {}", unknown.why());
        writeLater();
        yield Optional.empty();
      }
    };
  }

  /** The record is another than expected; ends this adjudication if another operator leads. */
  private Event superseded(ClusterRecord found) {
    if (found.term() > state.term()) {
      deposed(log(Level.WARN), "Another operator leads with term " + found.term());
    } else if (found.term() == state.term() && state.record().term() < state.term()) {
      // Whoever has not written yet has no claim to a term that is in the record already.
      deposed(
          log(Level.WARN),
          "Term %d was claimed before, perhaps by this one in a request without an answer"
              .formatted(found.term()));
    }
    return new Event.Superseded(found);
  }

  private void deposed(LoggingEventBuilder event, String why) {
    event.log("{}: this one stops deciding", why);
    deposedAt = Optional.of(nanoTime());
  }

  /** Leads users where the core wants them, if that is still to be done. */
  private void lead() {
    Optional<Route> route = state.route();
    ClusterSettings known = settings;
    if (route.isEmpty() || known == null) {
      return;
    }
    if (route.get().member().isEmpty()) {
      guide.nowhere();
      return;
    }
    guide.lead(
        route
            .get()
            .member()
            .map(known.members()::get)
            // another incarnation has to say first what it holds
            .filter(vm -> vm.uid().filter(route.get().vmiUid()::equals).isPresent()));
  }

  /** Since its last look nobody knows what the member holds, not only since its stream ended. */
  private void unseen(MemberStream stream) {
    stream
        .lookAge()
        .ifPresent(age -> step(new Event.Blind(stream.member(), clock.now().minus(age))));
  }

  /**
   * Whether somebody still looks at the primary's files: what nobody sees is exposed. A stream that
   * did not say yet when somebody looked changes nothing.
   */
  private Optional<Event> looks() {
    Optional<MemberStream> primary = state.record().primary().map(streams::get);
    Optional<Duration> age = primary.flatMap(MemberStream::lookAge);
    if (age.isEmpty()) {
      return Optional.empty();
    }
    String member = primary.get().member();
    boolean blind = age.get().compareTo(Exposed.UNSEEN) > 0;
    if (blind && !state.isBlind(member)) {
      return Optional.of(new Event.Blind(member, clock.now().minus(age.get())));
    }
    return !blind && state.isBlind(member) ? Optional.of(new Event.Sees(member)) : Optional.empty();
  }

  /** Not later than now, wherever the wall clock was set to meanwhile. */
  private Instant past(Instant shown) {
    return shown.isAfter(clock.now()) ? clock.now() : shown;
  }

  private void sendConfigure(MemberStream stream) {
    terms.tell(stream.member());
    stream.send(
        ToMember.newBuilder()
            .setConfigure(settings.configure(stream.member(), state.term(), fingerprintKey))
            .build());
  }

  /** Has every member audit at once if that was asked for anew. */
  private void audit(String request) {
    if (!request.isEmpty() && !request.equals(audited)) {
      log(Level.INFO).log("Audit");
      streams.values().forEach(s -> s.send(CoreMapping.audit(state.term(), request)));
    }
    audited = request;
  }

  private long nanoTime() {
    return surroundings.nanoTime().getAsLong();
  }

  private void log(String member, String event) {
    log(Level.INFO).addKeyValue("member", member).log(event);
  }

  private LoggingEventBuilder log(Level level) {
    return LOG.atLevel(level)
        .addKeyValue("namespace", namespace)
        .addKeyValue("cluster", name)
        .addKeyValue("term", state.term());
  }
}
