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
    if (behind) {
      return Optional.of(Route.nowhere(record.tenure()));
    }
    // 4. Of a tenure that an older record does not know somebody else may be the primary: users
    // stay where they are.
    boolean isThere =
        picture.state().route().flatMap(Route::member).filter(primary::equals).isPresent();
    if (picture.recordIsOlder() && !isThere) {
      return Optional.empty();
    }
    // 5. The record may have come back older: before a new leader leads anybody, those who may
    // remember more have their say. Users who are there already stay meanwhile.
    return picture.state().route().isEmpty() && mayBeOlder(picture)
        ? Optional.empty()
        : Optional.of(there);
  }

  /**
   * Somebody who may live did not report yet; unless this leader had the primary recorded itself.
   */
  private static boolean mayBeOlder(Picture picture) {
    boolean own = picture.state().news().lastFailover().isPresent();
    return !own && picture.record().members().keySet().stream().anyMatch(picture::isExpected);
  }

  /** Also than who reported to this leader once and is silent now. */
  private static boolean remembersNewest(Picture picture, String primary) {
    return picture
        .remembered(primary)
        .filter(own -> own.position().tenure() >= picture.newestTenure())
        .filter(
            own ->
                picture
                    .healthy()
                    .flatMap(name -> picture.remembered(name).stream())
                    .noneMatch(other -> other.position().isAfter(own.position())))
        .isPresent();
  }
}
