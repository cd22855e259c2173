package io.virtquorum.agent;

import io.virtquorum.agent.AgentProtocol.Answer;
import io.virtquorum.guest.GuestException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One command on its way to the agent. Whoever {@link #claim}s it first decides: the owner of the
 * socket sends it, or the caller gives up and knows that it was never sent. Thread-safe.
 */
final class AgentRequest {
  /** For a command that means the same in every boot of the guest. */
  static final int ANY_BOOT = -1;

  final String command;
  final Map<String, Object> arguments;
  final int limit; // bytes to keep of a binary value
  final long end; // System.nanoTime
  final int boot; // the count of boots in which it has a meaning, or ANY_BOOT
  final CompletableFuture<Answer> answer = new CompletableFuture<>();
  private final AtomicBoolean claimed = new AtomicBoolean();

  AgentRequest(String command, Map<String, Object> arguments, int limit, long end, int boot) {
    this.command = command;
    this.arguments = arguments;
    this.limit = limit;
    this.end = end;
    this.boot = boot;
  }

  boolean claim() {
    return claimed.compareAndSet(false, true);
  }

  void fail(GuestException reason) {
    answer.completeExceptionally(reason);
  }
}
