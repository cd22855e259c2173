package io.virtquorum.guest;

import java.util.List;

/**
 * Who uses a guest at one look. Immutable.
 *
 * @param sessions people logged in: terminals in use, or open ssh connections if there are more
 * @param connections on access ports, from ESTABLISHED to TIME_WAIT, without known probes and the
 *     guest's own loopback
 * @param passiveOpens how many connections were accepted since the first look of a watch that may
 *     have been users' and were not seen; only the difference of two looks of one watch says
 *     something
 * @param lastInput newest input at a terminal, in seconds of the guest's clock; 0 if none is known.
 *     The kernel moves it on in steps of 8 s
 * @param who what the sessions and connections are, for people; at most {@value #MOST_NAMED}
 */
public record Evidence(
    int sessions, int connections, long passiveOpens, long lastInput, List<String> who) {
  /** Most entries of {@link #who}. */
  public static final int MOST_NAMED = 20;

  public Evidence {
    who = List.copyOf(who);
  }

  /** Whether somebody used the guest after the earlier look, or still does. */
  public boolean usedSince(Evidence earlier) {
    return sessions > 0
        || connections > 0
        || passiveOpens > earlier.passiveOpens
        || lastInput > earlier.lastInput;
  }
}
