package io.virtquorum.program;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Ran;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Run;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Runs commands that the spec names, without a shell. For one thread. */
final class Commands {
  /** Most bytes that a command may say. */
  static final int MOST = 4 << 20;

  /** The program ends a command by signals, and says so after it. */
  private static final Duration ENDING = Duration.ofSeconds(5);

  private static final int WORDS = 150;
  private static final int PIECE = 128 << 10;

  private final Program program;

  Commands(Program program) {
    this.program = program;
  }

  /**
   * What a command says.
   *
   * @param input of it
   * @param longest that it may take
   * @throws Trouble if it did not end well, or says more than {@value #MOST} bytes
   */
  ByteString say(List<String> argv, ByteString input, Duration longest, Limit limit)
      throws GuestException, Trouble {
    Request.Builder request =
        Request.newBuilder()
            .setRun(Run.newBuilder().addAllArgv(argv).setOutputBytes(MOST).setKillGroup(false));
    Limit end = limit.within(longest);
    ByteString said = ByteString.EMPTY;
    ByteString error = ByteString.EMPTY;
    try (Call call = program.begin(request, argv.getFirst(), pieces(input), end)) {
      Limit answer = end.plus(ENDING);
      Answer piece = call.next(answer);
      while (!piece.getLast()) {
        said = said.concat(piece.getOutput().getOut());
        error = error.size() < WORDS ? error.concat(piece.getOutput().getErr()) : error;
        if (said.size() > MOST) {
          break;
        }
        piece = call.next(answer);
      }
      well(piece.getRan(), said, error);
      return said;
    } catch (RefusedException refused) {
      switch (refused.reason()) {
        case REASON_EXPIRED -> throw failed("it did not end within " + longest.toSeconds() + " s");
        case REASON_INVALID -> throw failed(refused.getMessage());
        default -> throw Refusals.trouble(refused);
      }
    }
  }

  private static void well(Ran ran, ByteString said, ByteString error) throws Trouble {
    if (said.size() > MOST || ran.getCut()) {
      throw failed("it says more than " + MOST + " bytes");
    }
    if (ran.getLeft()) {
      throw failed("it left a program running that holds its output open");
    }
    String text = error.substring(0, Math.min(WORDS, error.size())).toString(UTF_8);
    text = text.isBlank() ? "" : ": " + text.strip().replace('\n', ' ');
    if (ran.getSignal() != 0) {
      throw failed("it was ended by signal " + ran.getSignal() + text);
    }
    if (ran.getExitCode() != 0) {
      throw failed("it ended with exit code " + ran.getExitCode() + text);
    }
  }

  private static Trouble failed(String why) {
    return new Trouble(Trouble.Reason.GuestCommandFailed, why);
  }

  /** Content in the pieces of a body; none for none. */
  static List<Body.Builder> pieces(ByteString content) {
    List<Body.Builder> pieces = new ArrayList<>();
    for (int at = 0; at < content.size(); at += PIECE) {
      pieces.add(
          Body.newBuilder()
              .setContent(content.substring(at, Math.min(content.size(), at + PIECE))));
    }
    return pieces;
  }
}
