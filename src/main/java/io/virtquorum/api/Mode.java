package io.virtquorum.api;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Whether VirtQuorum acts. */
public enum Mode {
  /** Vote, report and repair. */
  @JsonProperty("Repair")
  REPAIR,
  /** Vote and report; touch nothing. */
  @JsonProperty("Observe")
  OBSERVE
}
