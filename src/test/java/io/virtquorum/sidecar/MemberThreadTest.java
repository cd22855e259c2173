package io.virtquorum.sidecar;

import static org.awaitility.Awaitility.await;

import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.guest.DirectoryGuest;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.HealthContent;
import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Health;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The thread with a work that fails in ways that nobody foresaw. */
@Timeout(60)
final class MemberThreadTest {
  @TempDir Path directory;
  private final Sent sent = new Sent();
  private final AtomicInteger made = new AtomicInteger();

  @Test
  void givenAWorkThatFailsUnexpectedlyThenItIsTriedAgainAndTheMemberVotes() throws Exception {
    try (var guest = new DirectoryGuest(directory, "boot-1");
        var thread =
            new MemberThread(
                new Identity("shop", "web-0", "uid"),
                "web",
                "test",
                guest,
                new Orders(0, term -> {}),
                configure -> work(),
                (hello, beat, listener) -> {
                  sent.listener = listener;
                  return sent;
                })) {
      sent.listener.configured(Configure.newBuilder().setTerm(1).setQuickMillis(60_000).build());
      await().atMost(Duration.ofSeconds(30)).until(() -> sent.ballots.size() == 1);
      sent.listener.attached();
      await().atMost(Duration.ofSeconds(30)).until(() -> sent.ballots.size() == 2);
    }
  }

  private MemberWork work() {
    if (made.incrementAndGet() == 1) {
      throw new IllegalStateException("not now");
    }
    return new Failing();
  }

  /** Every other look fails, as with a full disk of the node. */
  private static final class Failing implements MemberWork {
    private int looks;

    @Override
    public BallotContent look(boolean audit) {
      if (++looks % 2 == 1) {
        throw new UncheckedIOException(new IOException("No space left on device"));
      }
      Matrix nothing = Matrix.of(List.of());
      return new BallotContent(
          0,
          "boot-1",
          nothing.root(),
          0,
          Optional.empty(),
          List.of(),
          0,
          0,
          false,
          audit,
          Optional.empty(),
          Map.of());
    }

    @Override
    public HealthContent health() {
      return HealthContent.GOOD;
    }

    @Override
    public FromMember run(Command command, Duration left) {
      return Answers.refused(command.getId(), "None", "There is no order");
    }

    @Override
    public void close() {}
  }

  private static final class Sent implements Uplink {
    final List<Ballot> ballots = new CopyOnWriteArrayList<>();
    volatile Link.Listener listener;

    @Override
    public void beatEvery(Duration interval) {}

    @Override
    public void send(Ballot ballot) {
      ballots.add(ballot);
    }

    @Override
    public void withdrawBallot() {}

    @Override
    public void send(Health health) {}

    @Override
    public void send(FromMember result) {}

    @Override
    public void close() {}
  }
}
