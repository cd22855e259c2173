package io.virtquorum.simulate;

import io.virtquorum.guest.wire.v1.UserList;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;

/** Who uses a guest, as the guest program counts them: by what the kernel shows. One thread. */
final class UserCount {
  private final SimulatedGuest guest;
  private Set<Object> before = new HashSet<>();
  private boolean looked;
  private long opensBefore;
  private long unexplained;
  private long own;

  UserCount(SimulatedGuest guest) {
    this.guest = guest;
  }

  /** A connection that the program itself accepts. */
  void disregard() {
    own++;
  }

  UserList look() {
    Collection<Object> now = guest.people.shown(guest.timeline.now());
    long more = guest.people.opens() - opensBefore;
    long explained = own;
    for (Object one : now) {
      explained += before.contains(one) ? 0 : 1;
    }
    if (looked && more > explained) {
      unexplained += more - explained;
    }
    looked = true;
    opensBefore = guest.people.opens();
    own = 0;
    before = new HashSet<>(now);
    return UserList.newBuilder().setConnections(now.size()).setPassiveOpens(unexplained).build();
  }
}
