package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;

/**
 * How the program in the members' guests gets there and is kept.
 *
 * @param install how it gets there
 * @param update when a sidecar brings an older one up to its own version
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GuestProgram(
    @Default("Manual")
        @JsonPropertyDescription(
            "How it gets into the guests. Manual: you install it. CloudInit: at the next start of a VM that has a"
                + " cloud-init volume and no other hook sidecar, by cloud-init.")
        Install install,
    @Default("Auto")
        @JsonPropertyDescription(
            "When a newer sidecar updates the program in its guest. Auto: unless a package of dpkg or rpm owns the file."
                + " Always: even then. Never.")
        Update update) {

  /** Installed by people, and updated unless a package owns it. */
  public static final GuestProgram DEFAULT = new GuestProgram(null, null);

  public GuestProgram {
    install = requireNonNullElse(install, Install.MANUAL);
    update = requireNonNullElse(update, Update.AUTO);
  }

  /** How it gets into the guests. */
  public enum Install {
    @JsonProperty("Manual")
    MANUAL,
    /** By a part of the VM's user data and a disk, which the sidecar adds. */
    @JsonProperty("CloudInit")
    CLOUD_INIT
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
