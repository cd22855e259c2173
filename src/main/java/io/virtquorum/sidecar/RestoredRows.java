package io.virtquorum.sidecar;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.Goal;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.WireLimits;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.RestoreRows;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What an order to restore rows wants to come out. Pure. */
final class RestoredRows {
  private RestoredRows() {}

  /**
   * The goal of an order.
   *
   * @throws WireException if the order contradicts itself
   */
  static Goal goal(RestoreRows order) throws WireException {
    List<Row> coming = WireMapping.readRows(order.getRowsList());
    List<RowKey> going = WireMapping.readKeys(order.getGoneList());
    if (!coming.isEmpty() && !order.hasOffer()) {
      throw new WireException("Rows are to come, and there is no offer to fetch them from");
    }
    if (!going.isEmpty() && !order.getWritten()) {
      throw new WireException("Rows may go only where those that were written are brought back");
    }
    Map<RowKey, Optional<Digest>> rows = new HashMap<>();
    coming.forEach(row -> rows.put(row.key(), Optional.of(row.digest())));
    for (RowKey key : going) {
      if (key.item().isEmpty()) {
        throw new WireException("The root of a tree cannot go");
      }
      if (rows.put(key, Optional.empty()) != null) {
        throw new WireException("The row %s cannot both come and go".formatted(key));
      }
    }
    if (rows.size() > WireLimits.ROWS) {
      throw new WireException("An order has at most %d rows".formatted(WireLimits.ROWS));
    }
    return order.getWritten() ? new Goal.Remembered(rows) : new Goal.Rows(rows);
  }
}
