package io.virtquorum.api;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** The weight that is added to the primary. Written {@code Auto} or as a whole number. */
public sealed interface ConnectedBonus {

  /** Computed so that the primary outweighs all others. */
  ConnectedBonus AUTO = new Auto();

  /** As it is written in YAML: "Auto" or an Integer. */
  @JsonValue
  Object written();

  /**
   * Reads what a user wrote.
   *
   * @throws IllegalArgumentException if it is neither Auto nor a whole number from 0
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static ConnectedBonus of(Object written) {
    return switch (written) {
      case Integer weight when weight >= 0 -> new Fixed(weight);
      case String text when text.equals("Auto") -> AUTO;
      default ->
          throw new IllegalArgumentException(
              "voting.connectedBonus must be Auto or a whole number from 0, and not "
                  + written
                  + ".");
    };
  }

  /** The sum of the others' base weights, the witness, and 1. */
  record Auto() implements ConnectedBonus {
    @Override
    public Object written() {
      return "Auto";
    }
  }

  /**
   * A weight that the user chose; the operator refuses one that is too small.
   *
   * @param weight from 0
   */
  record Fixed(int weight) implements ConnectedBonus {
    @Override
    public Object written() {
      return weight;
    }
  }
}
