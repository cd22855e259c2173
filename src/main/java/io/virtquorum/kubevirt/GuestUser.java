package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Duration;
import java.time.Instant;

/**
 * A user who is logged in to a guest, as the guest agent tells; KubeVirt asks it every ten seconds.
 *
 * @param userName name of the user
 * @param domain domain, on Windows; null elsewhere
 * @param loginTime seconds since 1970, with a fraction
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public record GuestUser(String userName, String domain, double loginTime) {

  /** When the user logged in, by the guest's clock. */
  public Instant since() {
    return Instant.EPOCH.plus(Duration.ofMillis((long) (loginTime * 1000)));
  }
}
