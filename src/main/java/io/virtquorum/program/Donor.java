package io.virtquorum.program;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.ServeResult;
import io.virtquorum.guest.Serving;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Joiner;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Serve;
import io.virtquorum.port.Call;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * Serves what the member holds to joiners: the program goes on with each until the joiner has it
 * all, the request is closed, or its time or its session is over. For one thread.
 */
final class Donor implements AutoCloseable {
  private static final int SEED = 32;
  private static final int TRIES = 3;

  /** Servings at a time; where more are asked for, the oldest ends. */
  private static final int MOST = 8;

  private static final Duration BEGINNING = Duration.ofMinutes(1);

  private final Program program;
  private final Looks looks;
  private final Freezing freezing;
  private final Paths paths;
  private final RandomGenerator random;
  private final SequencedMap<String, Call> servings = new LinkedHashMap<>(); // by joiner

  Donor(Program program, Looks looks, Freezing freezing, Paths paths, RandomGenerator random) {
    this.program = program;
    this.looks = looks;
    this.freezing = freezing;
    this.paths = paths;
    this.random = random;
  }

  /** True while something is served, as far as this side knows. */
  boolean isServing() {
    servings
        .values()
        .removeIf(
            call -> {
              boolean over = call.isOver();
              if (over) {
                call.close();
              }
              return over;
            });
    return !servings.isEmpty();
  }

  /**
   * Serves a state: what was frozen, or what a look sees.
   *
   * @throws Trouble also if it changes while the serving begins
   */
  ServeResult rows(String id, Digest root, String address, String joiner, Limit limit)
      throws GuestException, Trouble {
    RefusedException moved = null;
    Optional<Freezing.Kept> kept = freezing.kept(root, limit);
    for (int i = 0; i < TRIES; i++) {
      Serve.Builder request = request(address, joiner);
      Matrix matrix;
      if (kept.isPresent()) {
        matrix = kept.get().rows();
        request.setFrozen(kept.get().number());
        kept = Optional.empty(); // if it is not there any more, a look will tell
      } else {
        Snapshot seen = looks.look(limit).snapshot();
        matrix = seen.matrix();
        if (!matrix.root().equals(root)) {
          return new ServeResult.Differs(seen);
        }
      }
      Map<RowKey, Optional<Digest>> rows = new TreeMap<>();
      matrix.rows().forEach(row -> rows.put(row.key(), Optional.of(row.digest())));
      try {
        Serving at = serve(id, request, paths.body(rows), limit);
        return new ServeResult.Begun(Offer.of(at, matrix));
      } catch (RefusedException refused) {
        if (refused.reason() != Reason.REASON_VOID) {
          throw Refusals.trouble(refused);
        }
        moved = refused;
      }
    }
    throw Refusals.trouble(moved);
  }

  /** Serves what a command said, and nothing else. */
  Serving output(String id, String address, String joiner, ByteString said, Limit limit)
      throws GuestException, Trouble {
    try {
      List<Body.Builder> body = Commands.pieces(said);
      return serve(id, request(address, joiner).setOutput(true), body, limit);
    } catch (RefusedException refused) {
      throw Refusals.trouble(refused);
    }
  }

  private Serve.Builder request(String address, String joiner) {
    return Serve.newBuilder()
        .setAddress(address)
        .addJoiners(Joiner.newBuilder().setMember(joiner).setSeed(seed()));
  }

  private ByteString seed() {
    byte[] seed = new byte[SEED];
    random.nextBytes(seed);
    return ByteString.copyFrom(seed);
  }

  private Serving serve(String id, Serve.Builder serve, List<Body.Builder> body, Limit limit)
      throws GuestException, Trouble, RefusedException {
    String joiner = serve.getJoiners(0).getMember();
    end(Optional.ofNullable(servings.remove(joiner)));
    while (isServing() && servings.size() >= MOST) {
      endOldest();
    }
    Call call =
        program.begin(
            Request.newBuilder().setServe(serve), "the beginning of a serving", body, limit);
    try {
      Limit begun = limit.within(BEGINNING);
      Answer piece = call.next(begun);
      while (!piece.hasServing()) {
        if (piece.getLast()) {
          throw new Trouble(
              Trouble.Reason.GuestCommandFailed, "The guest program ended a serving at once");
        }
        piece = call.next(begun);
      }
      var at = piece.getServing();
      if (at.getPin().size() != SEED) {
        throw new Trouble(
            Trouble.Reason.GuestCommandFailed,
            "The guest program serves with the pin "
                + HexFormat.of().formatHex(at.getPin().toByteArray()));
      }
      servings.put(joiner, call);
      call = null;
      var secret = new Secret(at.getPin(), serve.getJoiners(0).getSeed());
      return new Serving(id, at.getAddress(), at.getPort(), secret.password());
    } finally {
      if (call != null) {
        call.close();
      }
    }
  }

  /** Ends what is served longest: its joiner begins anew. */
  void endOldest() {
    end(Optional.ofNullable(servings.pollFirstEntry()).map(Map.Entry::getValue));
  }

  private static void end(Optional<Call> serving) {
    serving.ifPresent(Call::close);
  }

  /** Ends what is served. */
  @Override
  public void close() {
    servings.values().forEach(Call::close);
    servings.clear();
  }
}
