package io.virtquorum.operator;

import io.virtquorum.wire.v1.GuestState;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;

/**
 * Decides which guests are dead (design, section 5). Called by one thread, the cluster's; probes
 * run on the executor and come back through the listener.
 */
final class Detector {
  /** A stream without a beat for this long is taken for ended: twenty beats. */
  static final Duration STREAM_SILENCE = Duration.ofSeconds(2);

  /** An agent without an answer for this long makes the guest worth a probe. */
  private static final Duration AGENT_SILENCE = Duration.ofSeconds(5);

  /** A member that nothing can be asked of counts as dead after this long. */
  private static final Duration UNKNOWN_FOR = Duration.ofSeconds(30);

  private static final int SILENT_PROBES = 2;

  private final GuestProbe probe;
  private final Executor executor;
  private final BiConsumer<String, GuestProbe.Answer> listener;
  private final Map<String, Suspicion> suspicions = new HashMap<>();

  /**
   * @param listener hears each probe's answer; any thread
   */
  Detector(GuestProbe probe, Executor executor, BiConsumer<String, GuestProbe.Answer> listener) {
    this.probe = probe;
    this.executor = executor;
    this.listener = listener;
  }

  /** What is suspected of one member. */
  private static final class Suspicion {
    final long since = System.nanoTime();
    int silent;
    boolean asking;
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
    if (stream.isPresent() && stream.get().guest() == GuestState.GUEST_STATE_GONE) {
      return true; // QEMU closed its end: certain
    }
    boolean quiet =
        stream.isEmpty()
            || (stream.get().guest() == GuestState.GUEST_STATE_SILENT
                && stream.get().agentAge().compareTo(AGENT_SILENCE) > 0);
    if (!quiet) {
      suspicions.remove(member);
      return false;
    }
    if (stream.isEmpty() && vm.filter(ClusterSettings.Vm::running).isEmpty()) {
      return true; // Kubernetes itself says so
    }
    Suspicion suspicion = suspicions.computeIfAbsent(member, m -> new Suspicion());
    Optional<String> address = vm.flatMap(ClusterSettings.Vm::podAddress);
    if (address.isEmpty() || ports.isEmpty()) {
      return stream.isEmpty() && System.nanoTime() - suspicion.since > UNKNOWN_FOR.toNanos();
    }
    if (!suspicion.asking) {
      suspicion.asking = true;
      executor.execute(() -> listener.accept(member, probe.ask(address.get(), ports)));
    }
    return suspicion.silent >= SILENT_PROBES;
  }

  /** Takes in a probe's answer. */
  void heard(String member, GuestProbe.Answer answer) {
    Suspicion suspicion = suspicions.get(member);
    if (suspicion != null) {
      suspicion.asking = false;
      suspicion.silent = answer == GuestProbe.Answer.SILENT ? suspicion.silent + 1 : 0;
    }
  }
}
