package io.virtquorum.explore;

import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Offer;
import io.virtquorum.adjudicate.Outcome;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a member's sidecar does, as the production one: one order at a time, older terms and expired
 * orders refused, and a stream's end stops nothing; answers and ballots that were not sent go to
 * the next stream.
 */
final class Sidecar {
  private final Draft draft;
  private final World world;
  private final int index;

  Sidecar(Draft draft, int index) {
    this.draft = draft;
    this.world = draft.world;
    this.index = index;
  }

  private Member me() {
    return draft.member(index);
  }

  /** A new stream to a leader. */
  void attach(int leader) {
    Member me = me();
    me.leader = leader;
    me.reported = Optional.empty();
    me.up = new ArrayList<>(me.up);
    me.up.addFirst(new Event.Attached(World.NAMES.get(index)));
  }

  /**
   * The stream ends.
   *
   * @param keepsUp what was to be sent was not sent yet
   * @param keepsDown what was ordered has arrived already
   */
  void detach(boolean keepsUp, boolean keepsDown) {
    Member me = me();
    me.ended |= 1 << me.leader;
    me.leader = Member.NOBODY;
    me.up = keepsUp ? unsent(me.up) : List.of();
    me.down = keepsDown ? me.down.stream().filter(s -> s.order().isPresent()).toList() : List.of();
  }

  /** What goes to the next stream: a newer ballot supersedes one that was not sent. */
  private static List<Event> unsent(List<Event> up) {
    List<Event> unsent = new ArrayList<>();
    for (Event event : up.reversed()) {
      boolean superseded =
          event instanceof Event.Voted && unsent.stream().anyMatch(Event.Voted.class::isInstance);
      if (!superseded && !(event instanceof Event.Attached)) {
        unsent.addFirst(event);
      }
    }
    return unsent;
  }

  /** Looks and votes. */
  void look() {
    Member me = me();
    var ballot = me.ballot();
    me.reported = Optional.of(ballot);
    me.up = Draft.with(me.up, new Event.Voted(World.NAMES.get(index), ballot));
  }

  void audit() {
    Member me = me();
    me.disk = me.disk.audited();
    look();
  }

  void write(int row, int value, boolean user) {
    Member me = me();
    me.disk = me.disk.written(row, value);
    me.users |= user;
    draft.rules.taken();
    if (user || world.record.isPrimary(World.NAMES.get(index))) {
      world.accepted |= Contents.bit(row, value);
    }
  }

  void rot(int row, int value) {
    Member me = me();
    me.disk = me.disk.rotted(row, value);
    draft.rules.taken();
  }

  void wipe() {
    Member me = me();
    Disk empty = Disk.of(Contents.with(0, 0, Contents.LAST_WRITTEN));
    me.disk = empty;
    world.accepted &= world.kept();
  }

  /** A power cut; what a pull had replaced by then stays so. */
  void crash(boolean half) {
    Member me = me();
    if (half) {
      int wanted = Contents.value(me.pulling.orElseThrow().wanted(), 0);
      me.disk = me.disk.replaced(0, wanted);
    }
    if (me.leader != Member.NOBODY) {
      detach(false, false);
    }
    me.up = List.of();
    me.down = List.of();
    me.powered = false;
    me.users = false;
    me.served++;
    me.pulling = Optional.empty();
  }

  /** Starts again; nothing is cached, so that rot shows, and the new sidecar has seen no term. */
  void boot() {
    Member me = me();
    me.powered = true;
    me.termSeen = 0;
    me.disk = me.disk.audited();
  }

  /** Does the next thing that was sent. */
  void obey() {
    Member me = me();
    Member.Sent sent = me.down.getFirst();
    me.down = Draft.tail(me.down);
    if (sent.order().isEmpty()) {
      me.termSeen = Math.max(me.termSeen, sent.term());
      return;
    }
    Command.Order order = sent.order().get();
    if (sent.term() < me.termSeen) {
      failed(order, "OldTerm");
      return;
    }
    if (sent.expires() < world.millis) {
      failed(order, "Expired");
      return;
    }
    draft.rules.obeying(me, sent.term());
    me.termSeen = sent.term();
    me.served++;
    switch (order) {
      case Command.Recall recall -> recall(recall);
      case Command.Prove prove -> prove(prove);
      case Command.Serve serve -> serve(serve);
      case Command.Pull pull -> pull(pull);
      case Command.Restore restore -> restore(restore);
      case Command.Rebuild rebuild -> rebuild(rebuild);
      case Command.ServeOutput _, Command.Apply _ ->
          throw new IllegalStateException("no command was configured");
      case Command.Quiesce quiesce -> answer(quiesce, done(0));
    }
  }

  private void recall(Command.Recall recall) {
    Member me = me();
    if (me.pulling.filter(p -> p.order().id().equals(recall.id())).isPresent()) {
      me.pulling = Optional.empty();
      answer(recall, new Outcome.Recalled());
    }
  }

  private void failed(Command.Order order, String reason) {
    answer(order, new Outcome.Failed(new Trouble(reason, "it could not.")));
  }

  private void answer(Command.Order order, Outcome outcome) {
    draft.tell("%s answers %s", World.NAMES.get(index), outcome);
    Member me = me();
    me.up = Draft.with(me.up, new Event.Finished(World.NAMES.get(index), order.id(), outcome));
    me.reported = Optional.empty();
  }

  private static Outcome done(int rows) {
    return new Outcome.Done(rows, 0, Duration.ZERO, "");
  }

  private void prove(Command.Prove order) {
    if (me().disk.matrix().root().equals(order.root())) {
      remember(order.position());
      answer(order, done(0));
    } else {
      answer(order, new Outcome.Void("it moved on"));
    }
  }

  private void remember(Position position) {
    Member me = me();
    me.disk = me.disk.remembering(position);
    me.users = false;
    var verified = new World.Verified(index, me.disk.memory().orElseThrow().remembered());
    boolean beyond =
        world.record.committed().filter(c -> !position.isAfter(c.position())).isEmpty();
    if (beyond && !world.verified.contains(verified)) {
      world.verified = Draft.with(world.verified, verified);
    }
  }

  private void serve(Command.Serve order) {
    Member me = me();
    Matrix matrix = me.disk.matrix();
    if (!matrix.root().equals(order.root())) {
      answer(order, new Outcome.Void("it moved on"));
      return;
    }
    var offer = new Offer(matrix, World.NAMES.get(index), 873, Integer.toString(me.served));
    draft.tell("%s offers %s", World.NAMES.get(index), Contents.words(me.disk.seen()));
    me.up = Draft.with(me.up, new Event.Offered(World.NAMES.get(index), order.id(), offer));
    me.reported = Optional.empty();
  }

  /** Stages and checks; applying is another step. */
  private void pull(Command.Pull order) {
    Member me = me();
    Offer offer = order.offer();
    if (!Draft.isServed(world, offer)) {
      failed(order, "SampleGone");
      return;
    }
    int offered = Contents.rows(offer.matrix().root());
    Disk sample = world.members[World.index(offer.address())].disk;
    int seen = me.disk.seen();
    for (int row = 0; row < Contents.ROWS; row++) {
      int wanted = Contents.value(offered, row);
      if (wanted != Contents.value(seen, row) && wanted != Contents.value(sample.held(), row)) {
        answer(order, new Outcome.Void("the sample moved on"));
        return;
      }
    }
    me.pulling = Optional.of(new Member.Pulling(order, seen, offered));
  }

  /** Applies what was staged, unless the member moved meanwhile. */
  void apply() {
    Member me = me();
    Member.Pulling pulling = me.pulling.orElseThrow();
    me.pulling = Optional.empty();
    Command.Pull order = pulling.order();
    if (me.disk.seen() != pulling.before()) {
      answer(order, new Outcome.Void("this member moved on"));
      return;
    }
    draft.rules.pulling(index, order);
    int replaced = 0;
    draft.rules.replacing(index, me.disk.seen(), pulling.wanted());
    for (int row = 0; row < Contents.ROWS; row++) {
      int wanted = Contents.value(pulling.wanted(), row);
      if (wanted != Contents.value(me.disk.seen(), row)) {
        me.disk = me.disk.replaced(row, wanted);
        replaced++;
      }
    }
    remember(order.position());
    draft.rules.replaced(index);
    answer(order, done(replaced));
  }

  /** In these worlds rows only change: none has to go. */
  private void rebuild(Command.Rebuild order) {
    Member me = me();
    Offer offer = order.offer().orElseThrow();
    if (!Draft.isServed(world, offer)) {
      failed(order, "SampleGone");
      return;
    }
    Disk sample = world.members[World.index(offer.address())].disk;
    Disk next = me.disk;
    for (Row wanted : order.rows()) {
      int row = Contents.row(wanted.key());
      if (Contents.value(sample.held(), row) != Contents.value(wanted.digest())) {
        answer(order, new Outcome.Void("the sample moved on"));
        return;
      }
      next = next.restored(row, Contents.value(wanted.digest()));
    }
    draft.rules.replacing(index, me.disk.seen(), next.seen());
    me.disk = next;
    draft.rules.replaced(index);
    answer(order, done(order.rows().size()));
  }

  private void restore(Command.Restore order) {
    Member me = me();
    Offer offer = order.offer();
    if (!Draft.isServed(world, offer)) {
      failed(order, "SampleGone");
      return;
    }
    Disk sample = world.members[World.index(offer.address())].disk;
    Disk next = me.disk;
    int replaced = 0;
    for (Row wanted : order.rows()) {
      int row = Contents.row(wanted.key());
      boolean rotted =
          next.isRot(row)
              && Contents.value(next.memory().orElseThrow().rows(), row)
                  == Contents.value(wanted.digest());
      if (rotted) {
        if (Contents.value(sample.held(), row) != Contents.value(wanted.digest())) {
          answer(order, new Outcome.Void("the sample moved on"));
          return;
        }
        next = next.restored(row, Contents.value(wanted.digest()));
        replaced++;
      }
    }
    if (replaced == 0) {
      answer(order, new Outcome.Void("nothing is rotted any more"));
      return;
    }
    draft.rules.replacing(index, me.disk.seen(), next.seen());
    me.disk = next;
    draft.rules.replaced(index);
    answer(order, done(replaced));
  }
}
