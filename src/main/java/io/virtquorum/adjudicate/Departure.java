package io.virtquorum.adjudicate;

/**
 * A primary that lost its tenure while it did not hold the committed state, or could not say so.
 * What it wrote is somebody's, also when it is back in a new pod that knows nothing of its users;
 * the record keeps this until it holds what everybody is to hold.
 *
 * @param tenure that it led in
 * @param exposure what of its writes may be nowhere else, without a full stop; empty: nothing is
 *     known to be
 */
public record Departure(long tenure, String exposure) {}
