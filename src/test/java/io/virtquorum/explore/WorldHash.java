package io.virtquorum.explore;

import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Offer;
import io.virtquorum.adjudicate.Outcome;
import io.virtquorum.adjudicate.State;
import io.virtquorum.adjudicate.StateHash;
import io.virtquorum.fingerprint.Row;
import java.time.Instant;
import java.util.Optional;

/**
 * Hashes a world to 64 bits, so that worlds that will do the same are the same. The two secondaries
 * are not taken for each other: the reducer breaks ties by name, so exchanging them would not be
 * sound.
 */
final class WorldHash {
  private final World world;
  private final Mix mix = new Mix();

  private WorldHash(World world) {
    this.world = world;
  }

  static long of(World world) {
    return new WorldHash(world).hash();
  }

  private long hash() {
    mix.accept(world.spent);
    mix.accept((long) world.accepted << 32 | world.committed);
    StateHash.add(world.record, mix);
    add(world.stray);
    world.verified.stream().mapToLong(WorldHash::number).sorted().forEach(mix);
    mix.accept(-2);
    for (Leader leader : world.leaders) {
      mix.accept(leader.stopped ? 1 : 0);
      if (!leader.stopped) {
        StateHash.add(leader.state, world.now(), mix);
        add(leader.request);
      }
    }
    for (Member member : world.members) {
      add(member);
    }
    return mix.end();
  }

  private static long number(World.Verified verified) {
    Mix one = new Mix();
    one.accept(verified.member());
    StateHash.add(verified.remembered(), one);
    return one.end();
  }

  private void add(Optional<Leader.Request> request) {
    mix.accept(request.map(r -> r.unknown() ? 2 : 1).orElse(0));
    request.ifPresent(
        r -> {
          StateHash.add(r.expected(), mix);
          StateHash.add(r.wanted(), mix);
        });
  }

  private void add(Member member) {
    Disk disk = member.disk;
    mix.accept((long) disk.held() << 32 | disk.seen() << 8 | disk.touched());
    mix.accept(disk.archived());
    mix.accept(disk.memory().isPresent() ? disk.memory().get().rows() + 1 : 0);
    disk.memory().ifPresent(m -> StateHash.add(m.remembered(), mix));
    mix.accept(
        (member.powered ? 1 : 0)
            | (member.users ? 2 : 0)
            | (member.leader + 1) << 2
            | member.ended << 8
            | member.termSeen << 16);
    mix.accept(member.reported.isPresent() ? 1 : 0);
    member.reported.ifPresent(b -> StateHash.add(b, mix));
    mix.accept(member.pulling.isPresent() ? 1 : 0);
    member.pulling.ifPresent(
        p -> {
          add(p.order());
          mix.accept((long) p.before() << 32 | p.wanted());
        });
    member.up.forEach(this::add);
    mix.accept(-3);
    member.down.forEach(
        sent -> {
          mix.accept(sent.term() << 8 | StateHash.left(world.now(), at(sent.expires())));
          sent.order().ifPresent(this::add);
        });
    mix.accept(-4);
  }

  private Instant at(long millis) {
    return world.now().plusMillis(millis - world.millis);
  }

  private void add(Command.Order order) {
    mix.accept(place(order.id()) << 8 | World.index(order.member()));
    switch (order) {
      case Command.Prove prove -> {
        mix.accept(1);
        mix.accept(prove.position().tenure() << 32 ^ prove.position().sequence());
        mix.accept(StateHash.number(prove.root()));
      }
      case Command.Recall _ -> mix.accept(7);
      case Command.Serve serve -> {
        mix.accept(2);
        mix.accept(StateHash.number(serve.root()) ^ World.index(serve.puller()));
      }
      case Command.ServeOutput _, Command.Apply _ ->
          throw new IllegalStateException("no command was configured");
      case Command.Quiesce quiesce -> mix.accept(5 | quiesce.still().toSeconds() << 8);
      case Command.Pull pull -> {
        mix.accept(3);
        mix.accept(pull.position().tenure() << 32 ^ pull.position().sequence());
        add(pull.offer());
      }
      case Command.Restore restore -> {
        mix.accept(4);
        for (Row row : restore.rows()) {
          mix.accept(row.key().hashCode() ^ StateHash.number(row.digest()));
        }
        add(restore.offer());
      }
      case Command.Rebuild rebuild -> {
        mix.accept(6);
        for (Row row : rebuild.rows()) {
          mix.accept(row.key().hashCode() ^ StateHash.number(row.digest()));
        }
        rebuild.offer().ifPresent(this::add);
      }
    }
  }

  private void add(Offer offer) {
    mix.accept(StateHash.number(offer.matrix().root()) ^ World.index(offer.address()));
    mix.accept(Draft.isServed(world, offer) ? 1 : 0);
  }

  private void add(Event event) {
    switch (event) {
      case Event.Attached _ -> mix.accept(5);
      case Event.Voted voted -> {
        mix.accept(6);
        StateHash.add(voted.ballot(), mix);
      }
      case Event.Offered offered -> {
        mix.accept(7 | place(offered.id()) << 8);
        add(offered.offer());
      }
      case Event.Finished finished ->
          mix.accept(
              switch (finished.outcome()) {
                    case Outcome.Done _ -> 8;
                    case Outcome.Void _ -> 9;
                    case Outcome.Recalled _ -> 11;
                    case Outcome.Failed _ -> 10;
                    case Outcome.Accepted _ ->
                        throw new IllegalStateException("these members accept what was asked for");
                  }
                  | place(finished.id()) << 8);
      default -> throw new IllegalStateException("no member says " + event);
    }
  }

  /** Whose order it is, and which; orders that everybody forgot are all alike. */
  private long place(String id) {
    long term = Long.parseLong(id.substring(1, id.indexOf('-')));
    for (Leader leader : world.leaders) {
      if (leader.term() == term && !leader.stopped) {
        State state = leader.state;
        return term << 8 | StateHash.place(state, id);
      }
    }
    return 0;
  }
}
