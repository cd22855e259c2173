package io.virtquorum.agent;

import io.virtquorum.agent.AgentProtocol.Answer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import java.util.Optional;

/**
 * Brings a stream back in step, whatever an earlier client or request left in it: a sentinel makes
 * the agent forget unfinished JSON, and everything before the answer's sentinel is dropped. For one
 * thread.
 */
final class AgentSync {
  private static final int LONGEST_ANSWER = 256; // bytes; anything longer is not a sync answer

  private final AgentSocket socket;
  private final AgentProtocol protocol;

  AgentSync(AgentSocket socket, AgentProtocol protocol) {
    this.socket = socket;
    this.protocol = protocol;
  }

  /**
   * @param id fresh and random, so that no older answer matches
   * @throws AgentSocket.Late if the answer did not come before {@code end}
   */
  void attempt(long id, long end) throws IOException {
    OutputStream to = socket.sender(end);
    to.write(AgentProtocol.SENTINEL);
    protocol.write(to, "guest-sync-delimited", Map.of("id", id), id);
    var line = new ByteArrayOutputStream();
    boolean collecting = false;
    while (true) {
      int next = socket.read(end);
      if (next == (AgentProtocol.SENTINEL & 0xff)) {
        line.reset();
        collecting = true;
      } else if (collecting && next == '\n') {
        if (matches(line.toByteArray(), id)) {
          return;
        }
        collecting = false;
      } else if (collecting) {
        line.write(next);
        collecting = line.size() <= LONGEST_ANSWER;
      }
    }
  }

  private boolean matches(byte[] line, long id) throws IOException {
    Optional<Answer> answer = protocol.read(new ByteArrayInputStream(line), 0);
    return answer.isPresent() && answer.get().number(AgentProtocol.PLAIN, 0) == id;
  }
}
