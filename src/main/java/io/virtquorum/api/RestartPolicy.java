package io.virtquorum.api;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Who restarts VMs that must be restarted, to get the sync NIC and the sidecar. */
public enum RestartPolicy {
  /** The operator, one at a time, the primary last. */
  @JsonProperty("Rolling")
  ROLLING,
  /** A person; the cluster says RestartPending until then. */
  @JsonProperty("Manual")
  MANUAL
}
