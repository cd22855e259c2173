package io.virtquorum.access;

import java.util.Optional;

/**
 * The place that users are led to.
 *
 * @param podIp address of the primary's pod, IPv4 or IPv6
 * @param nodeName node that the pod runs on, if known
 */
public record Lead(String podIp, Optional<String> nodeName) {

  boolean isIpv6() {
    return podIp.contains(":");
  }
}
