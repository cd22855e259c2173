package io.virtquorum.simulate;

import io.virtquorum.adjudicate.Committed;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.RowKey;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * The ledger of those who write and wait until that is committed: what was confirmed to them must
 * be there. For one thread.
 */
final class Confirmations {
  private final Truth truth;
  private final Evolution evolution;
  private final BiConsumer<String, String> violated;
  private final Map<RowKey, Optional<Digest>> confirmed = new HashMap<>();
  private long begun;

  /** How often something was confirmed. */
  long count;

  Confirmations(Truth truth, Evolution evolution, BiConsumer<String, String> violated) {
    this.truth = truth;
    this.evolution = evolution;
    this.violated = violated;
  }

  /**
   * Somebody wrote these rows, and waits.
   *
   * @return to be run when they are confirmed
   */
  Runnable waits(SimulatedGuest guest, List<Matrix.Difference> written) {
    long since = begun;
    return () -> {
      if (since == begun) {
        confirm(guest, written);
      }
    };
  }

  private void confirm(SimulatedGuest guest, List<Matrix.Difference> written) {
    count++;
    Optional<Committed> committed = truth.record().committed();
    Matrix known = committed.map(c -> truth.holdings.matrix(c.root())).orElse(null);
    for (Matrix.Difference row : written) {
      if (known == null || !isOrBecame(row.key(), row.theirs(), known.digest(row.key()))) {
        violated.accept(
            "ConfirmedLost",
            "%s is confirmed on %s and is not what is committed".formatted(row.key(), guest.name));
        return;
      }
      confirmed.put(row.key(), row.theirs());
    }
  }

  private boolean isOrBecame(RowKey key, Optional<Digest> then, Optional<Digest> now) {
    return now.equals(then) || evolution.since(key, then, now).isPresent();
  }

  /** A person, or a restore from outside, decided what is to be the state. */
  void beginAnew() {
    confirmed.clear();
    begun++;
  }

  /** Users see this guest now, which shows them this. */
  void seen(SimulatedGuest guest, Matrix shown) {
    for (var row : confirmed.entrySet()) {
      RowKey key = row.getKey();
      Optional<Digest> now = shown.digest(key);
      if (!isOrBecame(key, row.getValue(), now)
          && !truth.clients.isRead(guest, key, row.getValue())
          && truth.clients.holder(key, row.getValue()).isPresent()) {
        violated.accept(
            "ConfirmedLost",
            "users are led to %s, where %s is not as it was confirmed, though nobody replaced that"
                .formatted(guest.name, key));
        return;
      }
    }
  }
}
