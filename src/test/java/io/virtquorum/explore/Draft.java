package io.virtquorum.explore;

import io.virtquorum.adjudicate.Adjudicator;
import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Offer;
import io.virtquorum.adjudicate.State;
import io.virtquorum.adjudicate.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The next world while it is made from the one before: leaders take in events by the production
 * reducer, and what they order is put under way. What it does not touch it shares with the world
 * before.
 */
final class Draft {
  /** What a sidecar gives an order to live, in milliseconds (CoreMapping). */
  private static final long PROVE = 120_000;

  private static final long OTHER = 600_000;

  final World world;
  final Rules rules;
  private final Consumer<String> story;
  private final boolean[] openMembers = new boolean[World.MEMBERS];
  private long openLeaders;

  /**
   * @param story hears what happens, in sentences
   * @throws AssertionError from any method, if what it does breaks a rule
   */
  Draft(World before, Consumer<String> story) {
    this.world = before.copy();
    this.story = story;
    this.rules = new Rules(world);
  }

  void tell(String format, Object... arguments) {
    if (story != Explorer.SILENT) {
      story.accept(format.formatted(arguments));
    }
  }

  /** A member, to be changed. */
  Member member(int index) {
    if (!openMembers[index]) {
      openMembers[index] = true;
      world.members[index] = world.members[index].copy();
    }
    return world.members[index];
  }

  /** A leader, to be changed. */
  Leader leader(int index) {
    if ((openLeaders & 1L << index) == 0) {
      openLeaders |= 1L << index;
      world.leaders[index] = world.leaders[index].copy();
    }
    return world.leaders[index];
  }

  void spend(Budget.Kind kind) {
    world.spent = Budget.spend(world.spent, kind);
  }

  /** A leader begins beside the others. */
  void lead() {
    long term = world.leaders.length + 1L;
    Leader[] more = java.util.Arrays.copyOf(world.leaders, world.leaders.length + 1);
    more[more.length - 1] = new Leader(State.begin(term, world.record));
    world.leaders = more;
    receive(more.length - 1, new Event.Configured(world.config));
  }

  /** A leader takes in an event, and what follows is put under way. */
  void receive(int index, Event event) {
    Leader leader = leader(index);
    Step step = Adjudicator.step(leader.state, event, world.now());
    leader.state = step.state();
    rules.stepped(leader);
    for (Command command : step.commands()) {
      switch (command) {
        case Command.Order order -> send(index, order);
        case Command.Write write -> {
          tell("term %d asks for the record %s", leader.term(), write.record());
          leader.request =
              Optional.of(new Leader.Request(leader.state.record(), write.record(), false));
        }
        case Command.RouteUsers route ->
            tell("term %d leads users to %s", leader.term(), route.route());
        case Command.Stand _ -> {} // nobody waits for commits here
        case Command.Tell tell -> {
          tell("term %d says %s: %s", leader.term(), tell.reason(), tell.message());
          rules.told(tell);
        }
      }
    }
  }

  private void send(int index, Command.Order order) {
    int to = World.index(order.member());
    tell("term %d orders %s", world.leaders[index].term(), order);
    if (world.members[to].leader == index) {
      long life = order instanceof Command.Prove ? PROVE : OTHER;
      Member member = member(to);
      member.down =
          with(
              member.down,
              new Member.Sent(
                  world.leaders[index].term(), Optional.of(order), world.millis + life));
    }
  }

  /**
   * The API server takes a change of the record, and the leader hears how that ended: as
   * production's RecordStore has it, a record that is as wanted already was written by an earlier
   * try of the same term, and who finds another leader's term stops.
   */
  void take(int index) {
    Leader leader = leader(index);
    Leader.Request request = leader.request.orElseThrow();
    leader.request = Optional.empty();
    ClusterRecord found = world.record;
    if (found.equals(request.expected())) {
      write(request, leader.term());
      receive(index, new Event.Recorded(request.wanted()));
    } else if (found.equals(request.wanted())
        && request.expected().term() == request.wanted().term()) {
      receive(index, new Event.Recorded(request.wanted()));
    } else if (found.term() > leader.term()
        || (found.term() == leader.term() && leader.state.record().term() < leader.term())) {
      tell("term %d stops: term %d leads", leader.term(), found.term());
      leader.stopped = true;
    } else {
      receive(index, new Event.Superseded(found));
    }
  }

  private void write(Leader.Request request, long term) {
    rules.recording(term, world.record, request.wanted());
    tell("the record is %s", request.wanted());
    boolean another = !request.wanted().committed().equals(world.record.committed());
    world.record = request.wanted();
    if (another) {
      world.committed |= Contents.bits(Contents.rows(world.record.committed().get().root()));
      var position = world.record.committed().get().position();
      world.verified =
          world.verified.stream().filter(v -> v.remembered().position().isAfter(position)).toList();
    }
  }

  /**
   * The leader stops waiting.
   *
   * @param arrives its change is written, and only the answer is lost; otherwise it may arrive
   *     later
   */
  void giveUp(int index, boolean arrives) {
    Leader leader = leader(index);
    Leader.Request request = leader.request.orElseThrow();
    leader.request = Optional.of(request.givenUp());
    if (!arrives) {
      world.stray = Optional.of(request);
    } else if (world.record.equals(request.expected())) {
      write(request, leader.term());
    }
  }

  /** After a while it decides anew, on the record that it knows. */
  void anew(int index) {
    leader(index).request = Optional.empty();
    receive(index, new Event.Superseded(world.leaders[index].state.record()));
  }

  /** A change that its leader gave up arrives. */
  void arrive() {
    Leader.Request request = world.stray.orElseThrow();
    world.stray = Optional.empty();
    if (world.record.equals(request.expected())) {
      write(request, request.wanted().term());
    } else {
      tell("it is refused: the record is another");
    }
  }

  /** Time passes, and everybody who can hears of it. */
  void pass(long millis) {
    world.millis += millis;
    for (int l = 0; l < world.leaders.length; l++) {
      if (world.leaders[l].listens()) {
        receive(l, new Event.Tick());
      }
    }
  }

  /** The sample would still serve this. */
  static boolean isServed(World world, Offer offer) {
    Member sample = world.members[World.index(offer.address())];
    return sample.powered && offer.password().equals(Integer.toString(sample.served));
  }

  static <T> List<T> with(List<T> list, T last) {
    List<T> more = new ArrayList<>(list.size() + 1);
    more.addAll(list);
    more.add(last);
    return more;
  }

  static <T> List<T> tail(List<T> list) {
    return list.size() == 1 ? List.of() : List.copyOf(list.subList(1, list.size()));
  }
}
