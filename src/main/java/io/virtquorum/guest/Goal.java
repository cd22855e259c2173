package io.virtquorum.guest;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import java.util.Map;
import java.util.Optional;

/** What must come out of a pull. */
public sealed interface Goal {
  /**
   * The member holds all of the offer, and remembers it.
   *
   * @param position to remember it at
   */
  record Whole(Position position) implements Goal {}

  /**
   * These rows, and no others, are as given, but for those that somebody wrote since the member
   * held what it remembers; memory's position and root stay.
   *
   * @param rows the digest that a row must have, or empty if it must not be there
   */
  record Rows(Map<RowKey, Optional<Digest>> rows) implements Goal {
    public Rows {
      rows = Map.copyOf(rows);
    }
  }

  /**
   * These rows, and no others, are what the member remembers of them, also where somebody wrote
   * them since; memory's position and root stay.
   *
   * @param rows the digest that a row must have, or empty if it must not be there
   */
  record Remembered(Map<RowKey, Optional<Digest>> rows) implements Goal {
    public Remembered {
      rows = Map.copyOf(rows);
    }
  }
}
