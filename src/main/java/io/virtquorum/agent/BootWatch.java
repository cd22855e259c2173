package io.virtquorum.agent;

import io.virtquorum.agent.AgentProtocol.Answer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Notices that another boot of the guest answers than before. Changed by the socket's owner only;
 * read by any thread.
 */
final class BootWatch {
  static final String PATH = "/proc/sys/kernel/random/boot_id";

  /** One command to the agent and its answer. */
  interface Asking {
    Answer ask(String command, Map<String, Object> arguments) throws IOException;
  }

  private volatile int count;
  private volatile String id = "";

  /** How many changes were seen. */
  int count() {
    return count;
  }

  /** The newest boot id, or nothing while none could be read. */
  String id() {
    return id;
  }

  /** Whether what belongs to this boot has lost its meaning. */
  boolean isOver(int boot) {
    return boot != AgentRequest.ANY_BOOT && boot != count;
  }

  /**
   * Reads the boot id. An agent that refuses to read files leaves it as it was: reboots are then
   * not noticed, which its operations report in their own words.
   *
   * @return whether it changed
   */
  boolean look(Asking agent) throws IOException {
    Answer opened = agent.ask("guest-file-open", Map.of("path", PATH, "mode", "r"));
    if (opened.fault().isPresent()) {
      return false;
    }
    long handle = opened.number(AgentProtocol.PLAIN, 0);
    Answer content = agent.ask("guest-file-read", Map.of("handle", handle, "count", 128));
    agent.ask("guest-file-close", Map.of("handle", handle));
    String now = new String(content.bytes("buf-b64").take(), StandardCharsets.US_ASCII).strip();
    if (now.isEmpty() || now.equals(id)) {
      return false;
    }
    boolean changed = !id.isEmpty();
    id = now;
    if (changed) {
      count++;
    }
    return changed;
  }
}
