package io.virtquorum.adjudicate;

import java.util.Optional;

/** Whom users are led to: the primary, unless it is behind (rule 3). */
final class Routing {
  private Routing() {}

  /**
   * Where users are to be led from now on; empty: it stays as it is.
   *
   * @param writing the record is about to change
   */
  static Optional<Route> plan(Picture picture, boolean writing) {
    ClusterRecord record = picture.record();
    // 1. Nothing is decided while it is not known what the record says.
    if (writing || record.primary().isEmpty()) {
      return Optional.empty();
    }
    String primary = record.primary().get();
    // 2. One that does not say what it holds: silence moves nobody.
    if (!picture.isUsable(primary)) {
      return Optional.empty();
    }
    Route there =
        new Route(
            Optional.of(primary), picture.ballot(primary).incarnation().vmiUid(), record.tenure());
    // 3. Nobody is led to a member that is behind, but for a person's word.
    boolean behind =
        picture.recordIsOlder()
            ? !remembersNewest(picture, primary)
            : picture.is(primary, MemberClass.BEHIND) && record.mandate().isEmpty();
    return Optional.of(behind ? Route.nowhere(record.tenure()) : there);
  }

  private static boolean remembersNewest(Picture picture, String primary) {
    return picture
        .remembered(primary)
        .filter(
            own ->
                picture
                    .healthy()
                    .flatMap(name -> picture.remembered(name).stream())
                    .noneMatch(other -> other.position().isAfter(own.position())))
        .isPresent();
  }
}
