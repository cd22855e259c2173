package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;

/**
 * A port of the cluster's Service.
 *
 * @param name name of the port; null is allowed while it is the only one
 * @param port port of the Service, 1 to 65535
 * @param targetPort port in the guest, 1 to 65535; null means the same as {@code port}, see {@link
 *     #guestPort}
 * @param protocol transport protocol
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AccessPort(
    @Size(min = 1, max = 63)
        @Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
        @JsonPropertyDescription("Name of the port; needed where there are several.")
        String name,
    @Required @Min(1) @Max(65535) @JsonPropertyDescription("Port of the Service.") int port,
    @Min(1) @Max(65535) @JsonPropertyDescription("Port in the guest, where it is another one.")
        Integer targetPort,
    @Default("TCP") @JsonPropertyDescription("TCP, UDP or SCTP.") Protocol protocol) {

  public AccessPort {
    protocol = requireNonNullElse(protocol, Protocol.TCP);
  }

  /** A TCP port that is the same in the guest. */
  public AccessPort(String name, int port) {
    this(name, port, null, null);
  }

  /** Port in the guest. */
  public int guestPort() {
    return targetPort == null ? port : targetPort;
  }

  /** Transport protocols of a Service. */
  public enum Protocol {
    TCP,
    UDP,
    SCTP
  }
}
