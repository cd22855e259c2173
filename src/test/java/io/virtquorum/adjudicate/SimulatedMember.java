package io.virtquorum.adjudicate;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Row;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * A member's guest and sidecar, which obeys the production commands as design section 4 asks. Its
 * sidecar reports after each order; what was ordered before it attached anew ends without an
 * answer.
 */
final class SimulatedMember {
  final String name;
  SimulatedDisk disk = new SimulatedDisk();
  boolean powered = true;
  boolean syncCut;
  int loseAnswers;
  int failPulls;
  Optional<Trouble> trouble = Optional.empty();
  final Map<String, Output> outputs = new TreeMap<>();
  int failApplies;
  int sessions;
  int quiesced;
  boolean still;
  boolean quiesceFails;
  final List<Position> remembered = new ArrayList<>();
  int pulls;
  int sent;
  private final SimulatedCluster cluster;
  private final Map<String, Matrix> offers = new HashMap<>();
  private final Set<String> working = new HashSet<>(); // orders that have not ended
  private SimulatedLeader leader;
  private boolean usersSinceHeld;
  private int stream;
  private long upAt;
  private long downAt;
  private long termSeen;
  private long number;
  private int boots = 1;
  private int served;
  private Optional<Ballot> reported = Optional.empty();

  SimulatedMember(String name, SimulatedCluster cluster) {
    this.name = name;
    this.cluster = cluster;
  }

  void write(String path, String content, boolean user) {
    cluster.tell("%s: %s writes %s=%s", name, user ? "a user" : "a job", path, content);
    cluster.invariants.overwritten(this, path);
    disk.write(path, content);
    usersSinceHeld |= user;
  }

  /** From now on its command says that. */
  void says(String feature, int what) {
    cluster.tell("%s: %s says %d", name, feature, what);
    outputs.put(
        feature, new Output(new Digest(what, what, what, what), "", Output.Kind.REPAIRABLE));
  }

  /** From now on its command fails. */
  void fails(String feature) {
    cluster.tell("%s: %s fails", name, feature);
    outputs.put(feature, new Output(new Digest(9, 9, 9, 9), "it ended with 1", Output.Kind.FAILED));
  }

  void rot(String path) {
    cluster.tell("%s: %s rots", name, path);
    cluster.invariants.overwritten(this, path);
    String content = "rot" + cluster.random.nextInt(1000);
    cluster.invariants.rotted(this, path, content);
    disk.rot(path, content);
  }

  void wipe() {
    cluster.tell("%s: a fresh disk", name);
    cluster.invariants.wiped(this);
    disk = new SimulatedDisk();
  }

  void audit() {
    if (powered) {
      disk.readAll();
      report(true);
    }
  }

  void quickPass() {
    if (powered) {
      report(false);
    }
  }

  boolean isAttached() {
    return leader != null;
  }

  void attach(SimulatedLeader to) {
    if (!powered) {
      return;
    }
    detach();
    cluster.tell("%s attaches to term %d", name, to.term);
    leader = to;
    reported = Optional.empty();
    offers.clear();
    up(new Event.Attached(name));
    report(true);
  }

  void detach() {
    if (leader != null) {
      SimulatedLeader old = leader;
      leader = null;
      stream++;
      upAt = Math.max(upAt, cluster.millis) + cluster.delay();
      cluster.at(upAt, () -> old.receive(new Event.Detached(name)));
    }
  }

  /**
   * Power cut: half a repair may be left behind. The detector tells all leaders that still live.
   */
  void crash() {
    cluster.tell("%s: power cut", name);
    powered = false;
    usersSinceHeld = false;
    offers.clear();
    SimulatedLeader old = leader;
    detach();
    if (old != null) {
      upAt += cluster.delay();
      int boot = boots;
      cluster.at(
          upAt,
          () -> {
            if (!powered && boot == boots) {
              old.receive(new Event.Died(name));
            }
          });
    }
  }

  void boot(SimulatedLeader to) {
    if (!powered) {
      cluster.tell("%s: starts", name);
      powered = true;
      boots++;
      attach(to);
    }
  }

  private void report(boolean always) {
    if (leader == null) {
      return;
    }
    Ballot ballot =
        new Ballot(
            new Incarnation("uid-" + name, "boot-" + boots),
            0,
            disk.matrix().root(),
            disk.files.size(),
            disk.memory.map(SimulatedDisk.Memory::remembered),
            0,
            disk.changes(),
            disk.changes().size(),
            sessions,
            usersSinceHeld,
            false,
            trouble,
            outputs,
            List.of(),
            0);
    if (always || !Optional.of(ballot).equals(reported)) {
      reported = Optional.of(ballot);
      up(
          new Event.Voted(
              name,
              new Ballot(
                  ballot.incarnation(),
                  ++number,
                  ballot.root(),
                  ballot.rows(),
                  ballot.memory(),
                  0,
                  ballot.changes(),
                  ballot.changesTotal(),
                  sessions,
                  usersSinceHeld,
                  always,
                  trouble,
                  outputs,
                  List.of(),
                  0)));
    }
  }

  /** A stream keeps its order, and what is under way when it breaks is lost. */
  private void up(Event event) {
    SimulatedLeader to = leader;
    int mine = stream;
    upAt = Math.max(upAt, cluster.millis) + cluster.delay();
    cluster.at(
        upAt,
        () -> {
          if (mine == stream) {
            to.receive(event);
          }
        });
  }

  void order(SimulatedLeader from, Command.Order order) {
    int mine = stream;
    if (from != leader) {
      return;
    }
    downAt = Math.max(downAt, cluster.millis) + cluster.delay();
    cluster.at(
        downAt,
        () -> {
          if (powered && mine == stream) {
            obey(from.term, order, mine);
          }
        });
  }

  private void obey(long term, Command.Order order, int mine) {
    if (term < termSeen) {
      answer(order, new Outcome.Failed(new Trouble("OlderTerm", "a newer leader was obeyed.")));
      return;
    }
    termSeen = term;
    cluster.tell("%s: %s", name, order);
    switch (order) {
      case Command.Recall recall -> {
        if (working.remove(recall.id())) {
          answer(recall, new Outcome.Recalled());
        }
      }
      case Command.Prove prove -> later(mine, prove, () -> prove(prove));
      case Command.Serve serve -> serve(serve);
      case Command.ServeOutput serve -> serve(serve);
      case Command.Apply apply -> later(mine, apply, () -> apply(apply));
      case Command.Quiesce quiesce -> {
        quiesced++;
        still = quiesce.still().isPositive();
        answer(
            quiesce,
            quiesceFails
                ? new Outcome.Failed(new Trouble("GuestCommandFailed", "it ended with code 1."))
                : new Outcome.Done(0, 0, Duration.ZERO, ""));
      }
      case Command.Pull pull -> later(mine, pull, () -> pull(pull));
      case Command.Restore restore -> later(mine, restore, () -> restore(restore));
      case Command.Rebuild rebuild -> later(mine, rebuild, () -> rebuild(rebuild));
    }
  }

  private void later(int mine, Command.Order order, Runnable work) {
    working.add(order.id());
    cluster.at(
        cluster.millis + cluster.work(),
        () -> {
          if (working.remove(order.id()) && powered && mine == stream) {
            work.run();
          }
        });
  }

  private void answer(Command.Order order, Outcome outcome) {
    if (loseAnswers > 0) {
      loseAnswers--;
      cluster.tell("%s: the answer to %s is lost", name, order.id());
    } else {
      up(new Event.Finished(name, order.id(), outcome));
    }
    report(true);
  }

  private void prove(Command.Prove order) {
    if (disk.matrix().root().equals(order.root())) {
      remember(order.position());
      answer(order, new Outcome.Done(0, 0, Duration.ZERO, ""));
    } else {
      answer(order, new Outcome.Void("it moved on"));
    }
  }

  private void remember(Position position) {
    disk.remember(position);
    remembered.add(position);
    usersSinceHeld = false;
    cluster.invariants.remembered(this);
  }

  private void serve(Command.Serve order) {
    Matrix matrix = disk.matrix();
    if (!matrix.root().equals(order.root())) {
      answer(order, new Outcome.Void("it moved on"));
      return;
    }
    String password = name + "#" + ++served;
    offers.put(password, matrix);
    if (loseAnswers > 0) {
      loseAnswers--;
    } else {
      up(new Event.Offered(name, order.id(), new Offer(matrix, name, 873, password)));
    }
  }

  private void serve(Command.ServeOutput order) {
    if (!says(order.feature(), order.digest())) {
      answer(order, new Outcome.Void(order.feature() + " says something else"));
      return;
    }
    Matrix matrix = Output.matrix(order.feature(), order.digest());
    String password = name + "#" + ++served;
    offers.put(password, matrix);
    up(new Event.Offered(name, order.id(), new Offer(matrix, name, 873, password)));
  }

  private void apply(Command.Apply order) {
    if (failApplies > 0) {
      failApplies--;
      answer(order, new Outcome.Failed(new Trouble("GuestCommandFailed", "it ended with code 1.")));
      return;
    }
    Optional<Outcome> problem = fetch(order.offer(), List.of(), new HashMap<>());
    if (problem.isEmpty() && !cluster.member(order.offer().address()).says(order)) {
      problem = Optional.of(new Outcome.Void("the sample says something else"));
    }
    if (problem.isEmpty()) {
      cluster.invariants.archived(this, order.archive().verdict());
      outputs.put(order.feature(), new Output(order.digest(), "", Output.Kind.REPAIRABLE));
    }
    answer(
        order,
        problem.orElse(new Outcome.Done(1, 10, Duration.ofMillis(5), order.archive().entry())));
  }

  private boolean says(Command.Apply order) {
    return says(order.feature(), order.digest());
  }

  private boolean says(String feature, Digest digest) {
    return Optional.ofNullable(outputs.get(feature))
        .filter(o -> o.kind() == Output.Kind.REPAIRABLE && o.digest().equals(digest))
        .isPresent();
  }

  /** What the sample hands over; an outcome instead if it cannot. */
  private Optional<Outcome> fetch(Offer offer, Iterable<String> paths, Map<String, String> into) {
    SimulatedMember sample = cluster.member(offer.address());
    if (!sample.powered
        || sample.syncCut
        || syncCut
        || !sample.offers.containsKey(offer.password())) {
      return Optional.of(new Outcome.Failed(new Trouble("SampleGone", "the sample is gone.")));
    }
    for (String path : paths) {
      Optional<Digest> wanted = offer.matrix().digest(SimulatedDisk.key(path));
      SimulatedDisk.File theirs = sample.disk.files.get(path);
      if (!wanted.equals(Optional.ofNullable(theirs).map(f -> SimulatedDisk.digest(f.content())))) {
        return Optional.of(
            sample.disk.matrix().equals(offer.matrix())
                ? new Outcome.Failed(
                    new Trouble("NotEqual", "what arrived is not what was offered."))
                : new Outcome.Void(offer.address() + " moved on"));
      }
      into.put(path, theirs == null ? null : theirs.content());
    }
    return Optional.empty();
  }

  private void pull(Command.Pull order) {
    pulls++;
    if (failPulls > 0) {
      failPulls--;
      answer(order, new Outcome.Failed(new Trouble("DiskFull", "its disk is full.")));
      return;
    }
    Map<String, String> wanted = new LinkedHashMap<>();
    Optional<Outcome> problem =
        fetch(
            order.offer(),
            disk.matrix().differences(order.offer().matrix()).stream()
                .map(d -> d.key().item())
                .toList(),
            wanted);
    if (problem.isPresent()) {
      answer(order, problem.get());
      return;
    }
    cluster.invariants.pulling(this, order);
    cluster.invariants.archived(this, order.archive().verdict());
    disk.replace(wanted, order.archive().verdict());
    remember(order.position());
    sent += wanted.size();
    cluster.invariants.pulled(this, order);
    answer(
        order,
        new Outcome.Done(
            wanted.size(),
            wanted.size() * 10L,
            Duration.ofMillis(5),
            wanted.isEmpty() ? "" : "entry-" + disk.archive.size()));
  }

  private void rebuild(Command.Rebuild order) {
    Map<String, String> wanted = new LinkedHashMap<>();
    Optional<Outcome> problem =
        order
            .offer()
            .flatMap(
                o -> fetch(o, order.rows().stream().map(r -> r.key().item()).toList(), wanted));
    if (problem.isPresent()) {
      answer(order, problem.get());
      return;
    }
    for (Row row : order.rows()) {
      if (!SimulatedDisk.digest(wanted.get(row.key().item())).equals(row.digest())) {
        answer(order, new Outcome.Failed(new Trouble("NotEqual", "the offer lacks the row.")));
        return;
      }
    }
    order.gone().forEach(key -> wanted.put(key.item(), null));
    cluster.invariants.archived(this, order.archive().verdict());
    disk.replace(wanted, order.archive().verdict());
    order.rows().forEach(row -> disk.rememberCtime(row.key().item()));
    sent += wanted.size();
    answer(
        order,
        new Outcome.Done(wanted.size(), 10L, Duration.ofMillis(5), "entry-" + disk.archive.size()));
  }

  private void restore(Command.Restore order) {
    Map<String, String> wanted = new LinkedHashMap<>();
    Optional<Outcome> problem =
        fetch(
            order.offer(),
            order.rows().stream().filter(r -> stillRotted(r)).map(r -> r.key().item()).toList(),
            wanted);
    if (problem.isPresent() || wanted.isEmpty()) {
      answer(order, problem.orElse(new Outcome.Void("nothing is rotted any more")));
      return;
    }
    for (Row row : order.rows()) {
      String path = row.key().item();
      if (wanted.containsKey(path)
          && !SimulatedDisk.digest(wanted.get(path)).equals(row.digest())) {
        answer(order, new Outcome.Failed(new Trouble("NotEqual", "the offer lacks the row.")));
        return;
      }
    }
    cluster.invariants.archived(this, order.archive().verdict());
    disk.replace(wanted, order.archive().verdict());
    wanted.keySet().forEach(disk::rememberCtime);
    sent += wanted.size();
    answer(
        order,
        new Outcome.Done(
            wanted.size(),
            wanted.size() * 10L,
            Duration.ofMillis(5),
            "entry-" + disk.archive.size()));
  }

  /** A row that somebody wrote meanwhile is no rot any more. */
  private boolean stillRotted(Row row) {
    return disk.isRot(row.key().item())
        && disk.memory.get().files().get(row.key().item()).digest().equals(row.digest());
  }
}
