package io.virtquorum.explore;

import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.StateHash;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What may happen next in a world, and what it makes of it. */
final class Choices {
  private static final long SETTLED = 7_000;
  private final World world;
  private final Budget budget;
  private final List<Choice> found = new ArrayList<>();

  private Choices(World world, Budget budget) {
    this.world = world;
    this.budget = budget;
  }

  /** All of them, always in the same order. */
  static List<Choice> of(World world, Budget budget) {
    Choices choices = new Choices(world, budget);
    choices.leaders();
    for (int m = 0; m < World.MEMBERS; m++) {
      choices.member(m, world.members[m]);
    }
    choices.rest();
    return choices.found;
  }

  private void add(Choice.Kind kind, int first) {
    found.add(Choice.of(kind, first));
  }

  private void add(Choice.Kind kind, int first, int second) {
    found.add(new Choice(kind, first, second));
  }

  private boolean allows(Budget.Kind kind) {
    return budget.allows(kind, world.spent);
  }

  private void leaders() {
    for (int l = 0; l < world.leaders.length; l++) {
      Leader leader = world.leaders[l];
      if (leader.stopped) {
        continue;
      }
      if (leader.request.isPresent()) {
        if (leader.request.get().unknown()) {
          add(Choice.Kind.ANEW, l);
        } else {
          add(Choice.Kind.TAKE, l);
          if (allows(Budget.Kind.UNKNOWN) && world.stray.isEmpty()) {
            add(Choice.Kind.GIVE_UP, l, 0);
            add(Choice.Kind.GIVE_UP, l, 1);
          }
        }
      }
      if (leader.listens()) {
        hears(l, leader);
      }
    }
    if (world.stray.isPresent()) {
      add(Choice.Kind.ARRIVE, 0);
    }
  }

  private void hears(int l, Leader leader) {
    for (int m = 0; m < World.MEMBERS; m++) {
      Member member = world.members[m];
      if (member.leader == l && !member.up.isEmpty()) {
        add(Choice.Kind.DELIVER, m);
      }
      if ((member.ended & 1 << l) != 0) {
        add(Choice.Kind.NOTICE, l, m);
      }
      boolean dead = leader.state.isDead(World.NAMES.get(m));
      if (!member.powered && !dead) {
        add(Choice.Kind.DIED, l, m);
      }
      if (member.powered && !dead && allows(Budget.Kind.WRONG_DEATH)) {
        add(Choice.Kind.WRONG, l, m);
      }
    }
  }

  private void member(int m, Member member) {
    if (!member.powered) {
      add(Choice.Kind.BOOT, m);
      return;
    }
    if (member.pulling.isPresent()) {
      add(Choice.Kind.APPLY, m);
    } else if (!member.down.isEmpty()) {
      add(Choice.Kind.OBEY, m);
    }
    if (member.hasNews()) {
      add(Choice.Kind.LOOK, m);
    }
    if (member.pulling.isEmpty() && member.disk.held() != member.disk.seen()) {
      add(Choice.Kind.AUDIT, m);
    }
    if (member.leader == Member.NOBODY) {
      for (int l = 0; l < world.leaders.length; l++) {
        if (!world.leaders[l].stopped) {
          add(Choice.Kind.ATTACH, m, l);
        }
      }
    } else if (member.leader < world.newest()
        || world.leaders[member.leader].stopped
        || (world.leaders[member.leader].state.isDead(World.NAMES.get(m))
            && !(member.up.stream().anyMatch(Event.Attached.class::isInstance)))) {
      reset(Choice.Kind.MOVE, m, member);
    }
    faults(m, member);
  }

  /** With all four of what may have been lost, where there was something. */
  private void reset(Choice.Kind kind, int m, Member member) {
    for (int kept = 0; kept < 4; kept++) {
      if (((kept & 1) == 0 || !member.up.isEmpty())
          && ((kept & 2) == 0 || !member.down.isEmpty())) {
        add(kind, m, kept);
      }
    }
  }

  private void faults(int m, Member member) {
    if (allows(Budget.Kind.WRITE)) {
      int last = Budget.count(world.spent, Budget.Kind.WRITE);
      add(Choice.Kind.USER_WRITES, m, last + 1);
      add(Choice.Kind.JOB_WRITES, m, last + 1);
      if (last > 0 && Contents.value(member.disk.held(), 1) != last) {
        add(Choice.Kind.JOB_WRITES, m, last);
      }
    }
    if (allows(Budget.Kind.ROT)) {
      for (int row = 0; row < Contents.ROWS; row++) {
        if (member.disk.isKnown(row)) {
          add(Choice.Kind.ROT, m, row);
        }
      }
    }
    if (allows(Budget.Kind.CRASH)) {
      add(Choice.Kind.CRASH, m, 0);
      if (member.pulling.isPresent()) {
        add(Choice.Kind.CRASH, m, 1);
      }
    }
    if (allows(Budget.Kind.RESET) && member.leader != Member.NOBODY) {
      reset(Choice.Kind.RESET, m, member);
    }
    if (allows(Budget.Kind.WIPE) && member.pulling.isEmpty()) {
      add(Choice.Kind.WIPE, m);
    }
  }

  private void rest() {
    if (allows(Budget.Kind.LEADER)) {
      add(Choice.Kind.LEAD, 0);
    }
    if (allows(Budget.Kind.SETTLE)) {
      add(Choice.Kind.SETTLE, 0);
    }
    if (allows(Budget.Kind.DEADLINE) && deadline(world).isPresent()) {
      add(Choice.Kind.DEADLINE, 0);
    }
  }

  private static Optional<Instant> deadline(World world) {
    return Arrays.stream(world.leaders)
        .filter(Leader::listens)
        .flatMap(l -> StateHash.deadline(l.state).stream())
        .min(Instant::compareTo);
  }

  /** Lets it happen. */
  static void take(Draft draft, Choice choice) {
    World world = draft.world;
    int one = choice.first();
    int two = choice.second();
    draft.tell("-- %s", choice.words());
    switch (choice.kind()) {
      case DELIVER -> deliver(draft, one);
      case NOTICE -> {
        draft.member(two).ended &= ~(1 << one);
        draft.receive(one, new Event.Detached(World.NAMES.get(two)));
      }
      case DIED -> died(draft, one, two);
      case WRONG -> {
        draft.spend(Budget.Kind.WRONG_DEATH);
        died(draft, one, two);
      }
      case OBEY -> sidecar(draft, one).obey();
      case APPLY -> sidecar(draft, one).apply();
      case LOOK -> sidecar(draft, one).look();
      case AUDIT -> sidecar(draft, one).audit();
      case ATTACH -> sidecar(draft, one).attach(two);
      case MOVE -> sidecar(draft, one).detach((two & 1) != 0, (two & 2) != 0);
      case RESET -> {
        draft.spend(Budget.Kind.RESET);
        sidecar(draft, one).detach((two & 1) != 0, (two & 2) != 0);
      }
      case BOOT -> sidecar(draft, one).boot();
      case TAKE -> draft.take(one);
      case ANEW -> draft.anew(one);
      case ARRIVE -> draft.arrive();
      case USER_WRITES, JOB_WRITES -> {
        draft.spend(Budget.Kind.WRITE);
        sidecar(draft, one).write(1, two, choice.kind() == Choice.Kind.USER_WRITES);
      }
      case ROT -> {
        draft.spend(Budget.Kind.ROT);
        int nth = Budget.count(world.spent, Budget.Kind.ROT);
        sidecar(draft, one).rot(two, Contents.LAST_WRITTEN + nth);
      }
      case CRASH -> {
        draft.spend(Budget.Kind.CRASH);
        sidecar(draft, one).crash(two == 1);
      }
      case LEAD -> {
        draft.spend(Budget.Kind.LEADER);
        draft.lead();
      }
      case GIVE_UP -> {
        draft.spend(Budget.Kind.UNKNOWN);
        draft.giveUp(one, two == 1);
      }
      case WIPE -> {
        draft.spend(Budget.Kind.WIPE);
        sidecar(draft, one).wipe();
      }
      case SETTLE -> {
        draft.spend(Budget.Kind.SETTLE);
        draft.pass(SETTLED);
      }
      case DEADLINE -> {
        draft.spend(Budget.Kind.DEADLINE);
        draft.pass(Duration.between(world.now(), deadline(world).orElseThrow()).toMillis() + 1);
      }
    }
    draft.rules.everywhere();
  }

  private static Sidecar sidecar(Draft draft, int member) {
    return new Sidecar(draft, member);
  }

  private static void died(Draft draft, int leader, int member) {
    draft.receive(leader, new Event.Died(World.NAMES.get(member)));
  }

  private static void deliver(Draft draft, int m) {
    Member member = draft.member(m);
    var event = member.up.getFirst();
    int leader = member.leader;
    member.up = Draft.tail(member.up);
    if (event instanceof Event.Attached) {
      member.ended &= ~(1 << leader);
      long term = draft.world.leaders[leader].term();
      if (term > member.termSeen) {
        member.down = Draft.with(member.down, new Member.Sent(term, Optional.empty(), 0));
      }
    }
    draft.tell("%s", event);
    draft.receive(leader, event);
  }
}
