package io.virtquorum.operator;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The terms that members of one cluster have heard. After an etcd restore the record has a lower
 * term than members obeyed: a leader that counts on from there is obeyed by nobody. For one thread,
 * but what says otherwise.
 */
final class Terms {
  /** More than any cluster counts in its life; a sidecar that says more is mistaken or lies. */
  static final long MOST = 1L << 53;

  private final long own;
  private final Set<String> told = new HashSet<>();
  private final AtomicLong highest;

  /**
   * @param own this leader's
   */
  Terms(long own) {
    this.own = own;
    this.highest = new AtomicLong(own);
  }

  /** The member is told this leader's term. */
  void tell(String member) {
    told.add(member);
  }

  /** A member has heard this term. Any thread. */
  void heard(long term) {
    highest.accumulateAndGet(term, Math::max);
  }

  /**
   * True if the member obeyed a newer leader, or another one of this term: two of one term would
   * both be obeyed.
   *
   * @param seen the highest term that the member has heard
   */
  boolean overrule(String member, long seen) {
    return seen > own || (seen == own && !told.contains(member));
  }

  /** The next leader's term must be above this. Any thread. */
  long highest() {
    return highest.get();
  }
}
