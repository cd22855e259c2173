package io.virtquorum.guest;

import io.virtquorum.fingerprint.Remembered;
import java.util.Optional;

/**
 * What the record says of a member. The guest answers applications by it that wait for a commit.
 *
 * @param primary users are led here, by the record
 * @param tenure of the record
 * @param committed what is; empty: nothing
 * @param epoch of what is committed; 0: nothing is
 * @param reason a stable CamelCase word for why nothing can be committed now; empty: it can
 * @param sentence the same for a person
 * @param confirmed what the guest asked with, see {@link Snapshot#asks}, before the record was read
 *     that says this; 0: nothing
 */
public record Standing(
    boolean primary,
    long tenure,
    Optional<Remembered> committed,
    long epoch,
    String reason,
    String sentence,
    long confirmed) {}
