package io.virtquorum.adjudicate;

import java.util.Optional;

/**
 * Where users are led.
 *
 * @param member empty: nowhere, because whom the record names is known not to hold what was
 *     committed
 * @param vmiUid the incarnation that said what it holds; another one has to say so first
 * @param tenure in which it leads
 */
public record Route(Optional<String> member, String vmiUid, long tenure) {
  static Route nowhere(long tenure) {
    return new Route(Optional.empty(), "", tenure);
  }
}
