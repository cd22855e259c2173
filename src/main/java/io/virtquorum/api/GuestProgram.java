package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;

/**
 * How the program in the members' guests is kept.
 *
 * @param update when a sidecar brings an older one up to its own version
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GuestProgram(
    @Default("Auto")
        @JsonPropertyDescription(
            "When a newer sidecar updates the program in its guest. Auto: unless a package of dpkg or rpm owns the file."
                + " Always: even then. Never.")
        Update update) {

  /** Updated unless a package owns it. */
  public static final GuestProgram DEFAULT = new GuestProgram(null);

  public GuestProgram {
    update = requireNonNullElse(update, Update.AUTO);
  }

  /** When a newer sidecar updates the program in its guest. */
  public enum Update {
    /** Unless a package of dpkg or rpm owns its file: then the package's own updates bring it. */
    @JsonProperty("Auto")
    AUTO,
    /** Whoever owns its file. */
    @JsonProperty("Always")
    ALWAYS,
    @JsonProperty("Never")
    NEVER
  }
}
