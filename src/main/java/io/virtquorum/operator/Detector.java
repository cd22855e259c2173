package io.virtquorum.operator;

import io.virtquorum.wire.v1.GuestState;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;

/**
 * Decides which guests are dead (design, section 5). A member with a live stream whose guest
 * program is silent is asked at its access ports; without any it never counts as dead, because the
 * program may merely hang. Called by one thread, the cluster's; probes run on the executor and come
 * back through the listener.
 */
final class Detector {
  /** A stream without a beat for this long is taken for ended: twenty beats as a rule. */
  private static final Duration STREAM_SILENCE = Duration.ofSeconds(2);

  /** Fewer missed beats than this say nothing, however far apart beats are. */
  private static final int MISSED_BEATS = 4;

  /** A guest program without an answer for this long makes the guest worth a probe. */
  private static final Duration PROGRAM_SILENCE = Duration.ofSeconds(5);

  /**
   * A member without a stream, and without an address or access ports to ask it at, counts as dead
   * after this long.
   */
  private static final Duration UNKNOWN_FOR = Duration.ofSeconds(30);

  /**
   * A member whose sidecar never attached to this operator is given this long to do so: right after
   * a change of leaders nobody has attached yet, and a firewall may swallow the probes.
   */
  private static final Duration FIRST_CONTACT = Duration.ofSeconds(10);

  /** A probe whose answer got lost is forgotten after this long. */
  private static final Duration PROBE_LOST = Duration.ofSeconds(30);

  private static final int SILENT_PROBES = 2;

  /**
   * Where the sidecar still says that the VM runs, it answers no probe for this long as well: one
   * that merely stalls, as on a node whose processors are all taken, comes back.
   */
  private static final Duration STALL = Duration.ofSeconds(5);

  private final Probe probe;
  private final Executor executor;
  private final BiConsumer<String, GuestProbe.Answer> listener;
  private final LongSupplier nanoTime;
  private final Map<String, Suspicion> suspicions = new HashMap<>();
  private final Set<String> met = new HashSet<>();

  /**
   * @param listener hears each probe's answer; any thread
   * @param nanoTime as {@link System#nanoTime}
   */
  Detector(
      Probe probe,
      Executor executor,
      BiConsumer<String, GuestProbe.Answer> listener,
      LongSupplier nanoTime) {
    this.probe = probe;
    this.executor = executor;
    this.listener = listener;
    this.nanoTime = nanoTime;
  }

  /** Asks a guest at an address for a sign of life on these ports; blocks. */
  @FunctionalInterface
  interface Probe {
    GuestProbe.Answer ask(String address, List<Integer> ports);
  }

  /** How long a stream may be without a beat, by the interval of beats. */
  static Duration silence(Duration beat) {
    Duration missed = beat.multipliedBy(MISSED_BEATS);
    return missed.compareTo(STREAM_SILENCE) > 0 ? missed : STREAM_SILENCE;
  }

  /** What is suspected of one member. */
  private static final class Suspicion {
    final long since;
    int silent;
    long silentSince;
    boolean asking;
    long asked;

    Suspicion(long since) {
      this.since = since;
    }
  }

  /**
   * Looks at one member.
   *
   * @param stream its sidecar's; empty: not attached
   * @param vm as Kubernetes sees it; empty: no such VM any more
   * @return true if the guest is dead
   */
  boolean dead(
      String member,
      Optional<MemberStream> stream,
      Optional<ClusterSettings.Vm> vm,
      List<Integer> ports) {
    if (stream.isPresent()) {
      met.add(member);
    }
    if (stream.isPresent() && stream.get().guest() == GuestState.GUEST_STATE_GONE) {
      return true; // QEMU closed its end: certain
    }
    boolean quiet =
        stream.isEmpty()
            || (stream.get().guest() == GuestState.GUEST_STATE_SILENT
                && stream.get().agentAge().compareTo(PROGRAM_SILENCE) > 0);
    if (!quiet) {
      suspicions.remove(member);
      return false;
    }
    if (stream.isEmpty() && vm.filter(ClusterSettings.Vm::running).isEmpty()) {
      return true; // Kubernetes itself says so
    }
    Suspicion suspicion =
        suspicions.computeIfAbsent(member, m -> new Suspicion(nanoTime.getAsLong()));
    long age = nanoTime.getAsLong() - suspicion.since;
    Optional<String> address = vm.flatMap(ClusterSettings.Vm::podAddress);
    if (address.isEmpty() || ports.isEmpty()) {
      return stream.isEmpty() && age > UNKNOWN_FOR.toNanos();
    }
    if (!suspicion.asking || nanoTime.getAsLong() - suspicion.asked > PROBE_LOST.toNanos()) {
      suspicion.asking = true;
      suspicion.asked = nanoTime.getAsLong();
      executor.execute(() -> listener.accept(member, probe.ask(address.get(), ports)));
    }
    long silence = nanoTime.getAsLong() - suspicion.silentSince;
    return suspicion.silent >= SILENT_PROBES
        && (stream.isEmpty() || silence > STALL.toNanos())
        && (met.contains(member) || age > FIRST_CONTACT.toNanos());
  }

  /** Takes in a probe's answer. */
  void heard(String member, GuestProbe.Answer answer) {
    Suspicion suspicion = suspicions.get(member);
    if (suspicion != null) {
      suspicion.asking = false;
      if (suspicion.silent == 0) {
        suspicion.silentSince = nanoTime.getAsLong();
      }
      suspicion.silent = answer == GuestProbe.Answer.SILENT ? suspicion.silent + 1 : 0;
    }
  }
}
