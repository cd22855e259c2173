package io.virtquorum.api;

import com.fasterxml.jackson.annotation.JsonProperty;

/** A fact that the guest tells about itself; compared, never voted on. */
public enum GuestFact {
  @JsonProperty("timezone")
  TIMEZONE,
  /** Name and version of the operating system. */
  @JsonProperty("os")
  OS,
  /** Release of the kernel. */
  @JsonProperty("kernel")
  KERNEL
}
