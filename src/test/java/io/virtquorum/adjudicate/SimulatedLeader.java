package io.virtquorum.adjudicate;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One operator: drives the production reducer, and carries out its commands. */
final class SimulatedLeader {
  final long term;
  final List<Command.Tell> told = new ArrayList<>();
  State state;
  Optional<Assessment> assessment = Optional.empty();
  boolean stopped;
  private final SimulatedCluster cluster;
  private long version;

  SimulatedLeader(long term, SimulatedCluster cluster) {
    this.term = term;
    this.cluster = cluster;
    this.version = cluster.version;
    this.state = State.begin(term, cluster.record);
  }

  void receive(Event event) {
    if (stopped) {
      return;
    }
    Step step = Adjudicator.step(state, event, cluster.now());
    state = step.state();
    assessment = step.assessment();
    cluster.invariants.stepped(this);
    for (Command command : step.commands()) {
      switch (command) {
        case Command.Order order -> {
          cluster.invariants.ordering(this, step, order);
          cluster.member(order.member()).order(this, order);
        }
        case Command.Write write -> write(write);
        case Command.RouteUsers route -> {
          cluster.tell("term %d leads users to %s", term, route.route());
          cluster.invariants.routing(this, route.route());
        }
        case Command.Stand _ -> {} // nobody waits for commits here
        case Command.Tell tell -> tell(tell);
      }
    }
  }

  private void tell(Command.Tell tell) {
    cluster.tell("term %d says %s: %s", term, tell.reason(), tell.message());
    cluster.invariants.told(tell);
    told.add(tell);
  }

  private void write(Command.Write write) {
    cluster.invariants.asking(this, write.record());
    long expected = version;
    cluster.at(
        cluster.millis + cluster.delay(),
        () -> {
          boolean swapped = cluster.compareAndSwap(this, expected, write.record());
          boolean lost = swapped && cluster.loseWrites > 0 && cluster.loseWrites-- > 0;
          ClusterRecord found = cluster.record;
          long foundVersion = cluster.version;
          cluster.at(
              cluster.millis + cluster.delay(),
              () -> {
                version = foundVersion;
                if (swapped && !lost) {
                  receive(new Event.Recorded(write.record()));
                } else {
                  receive(new Event.Superseded(found));
                }
              });
        });
  }

  boolean holds(String reason) {
    return state.news().holds().stream().anyMatch(h -> h.reason().equals(reason));
  }

  long said(String reason) {
    return told.stream().filter(t -> t.reason().equals(reason)).count();
  }
}
