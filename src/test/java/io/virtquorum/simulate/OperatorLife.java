package io.virtquorum.simulate;

import io.fabric8.kubernetes.client.KubernetesClientException;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Hold;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.HAClusterStatus;
import io.virtquorum.api.Mode;
import io.virtquorum.operator.SimulatedAdjudicator;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Hello;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * One life of an operator that leads, or believes so: production adjudication with a mailbox, and a
 * task that alone touches it, as ClusterRuntime does with a thread.
 */
final class OperatorLife implements SimulatedAdjudicator.Outside {
  private static final Pattern REASON = Pattern.compile("[A-Z][A-Za-z]+");
  private static final long TICK = 250 * Timeline.MILLISECOND;

  /** As ClusterRuntimes does: perhaps it was this operator's own claim that it found. */
  private static final long LEADS_ANEW = 12 * Timeline.SECOND;

  private static final long LAZY_TICK = 5 * Timeline.SECOND;

  final int number;
  private final long floor;
  SimulatedAdjudicator adjudicator;
  private final World world;
  private final Timeline.Task task;
  private final Deque<Runnable> mailbox = new ArrayDeque<>();
  private final List<Channel> channels = new ArrayList<>();
  private long decidesSince = Long.MAX_VALUE;
  private boolean dead;
  private long nextTick;
  private ExposureRules.Shown shown = ExposureRules.Shown.NOTHING;

  /**
   * Begins.
   *
   * @param floor the highest term that an earlier leader of the same process heard; 0: none
   */
  OperatorLife(World world, int number, long floor) {
    this.world = world;
    this.number = number;
    this.floor = floor;
    this.task = world.timeline.spawn(this::live);
  }

  private void live() {
    HAClusterStatus status = null;
    while (status == null) {
      try {
        status = world.api.read(this).getStatus();
      } catch (KubernetesClientException e) {
        world.timeline.sleep(Timeline.SECOND);
      }
    }
    adjudicator =
        new SimulatedAdjudicator(
            "shop",
            "web",
            status,
            floor,
            world.exposedSince,
            world.key,
            world.clock,
            world.timeline::now,
            this);
    configure();
    nextTick = world.timeline.now() + TICK;
    while (!adjudicator.isDeposed()) {
      if (mailbox.isEmpty()) {
        task.await(nextTick - world.timeline.now());
      }
      List.copyOf(channels).forEach(Channel::beat);
      Runnable mail = mailbox.poll();
      if (mail != null) {
        mail.run();
      }
      if (world.timeline.now() >= nextTick) {
        adjudicator.tick();
        // With nothing to wait for a tick only finds streams that fell silent.
        boolean rest = adjudicator.isAtRest() && channels.stream().allMatch(Channel::beats);
        nextTick = world.timeline.now() + (rest ? LAZY_TICK : TICK);
      } else if (mail != null) {
        nextTick = Math.min(nextTick, world.timeline.now() + TICK);
      }
      look();
    }
    world.story.tell("operator %d is deposed", number);
    world.timeline.after(0, this::die);
    long heard = adjudicator.highestTerm();
    world.timeline.after(LEADS_ANEW, () -> world.leadIfNobodyDoes(heard));
  }

  private void look() {
    if (world.isLeader(this) && isDeciding()) {
      world.exposedSince = // as the status has it for the next leader
          adjudicator.exposedSince().or(adjudicator::exposureUnknownSince);
      var exposure =
          new ExposureRules.Shown(
              moment(adjudicator.exposedSince()), moment(adjudicator.exposureUnknownSince()));
      if (!exposure.equals(shown)) {
        world.story.tell("operator %d shows %s", number, exposure);
        shown = exposure;
      }
      long now = world.timeline.now();
      decidesSince = Math.min(decidesSince, now); // before it wrote its term it asks nobody
      world.truth.exposure.shows(exposure, now - decidesSince < ExposureRules.DETECT, now);
      if (world.truth.mode == Mode.REPAIR) {
        world.truth.serving.look(world, this);
      }
    }
    holdsSayWhy();
  }

  /**
   * On the timeline, for somebody whose clock is right or who believes the operator's, whichever is
   * earlier: it may be that of a leader before, whose clock was another (seed 1715).
   */
  private OptionalLong moment(Optional<Instant> instant) {
    return instant
        .map(
            i ->
                OptionalLong.of(
                    Math.min(
                        world.clock.right(i),
                        world.timeline.now()
                            - Duration.between(i, world.clock.instant()).toNanos())))
        .orElse(OptionalLong.empty());
  }

  /** Invariant 10: each hold says why and until when, as people speak. */
  private void holdsSayWhy() {
    if (adjudicator.hasNews()) {
      for (Hold hold : adjudicator.holds()) {
        boolean sentences =
            REASON.matcher(hold.reason()).matches()
                && hold.message().endsWith(".")
                && hold.until().endsWith(".")
                && !(hold.message() + hold.until()).contains("Optional")
                && !(hold.message() + hold.until()).contains("null");
        if (!sentences) {
          throw new Violation("HoldWithoutReason", hold.toString());
        }
      }
    }
  }

  /** The process is gone; its streams end. */
  void die() {
    if (!dead) {
      dead = true;
      task.kill();
      List.copyOf(channels).forEach(Channel::endAtOperator);
      world.story.tell("operator %d is gone", number);
    }
  }

  boolean isDead() {
    return dead;
  }

  /** It serves, and has read its HACluster. */
  boolean isReady() {
    return !dead && adjudicator != null;
  }

  /** It decides by the record as it knows it. */
  boolean isDeciding() {
    return isReady() && !adjudicator.isDeposed() && !adjudicator.isWriting();
  }

  /** The VMs, or the spec, are known to have changed. */
  void configure() {
    post(
        () ->
            adjudicator.configured(
                world.config(),
                world.vmsAsKnown(),
                world.files,
                80,
                World.AUDIT,
                World.ARCHIVE_ENTRIES));
  }

  /** Something changed that a tick would find. */
  void stir() {
    if (adjudicator != null) {
      nextTick = Math.min(nextTick, world.timeline.now() + TICK);
      task.wake();
    }
  }

  private void post(Runnable mail) {
    mailbox.add(mail);
    if (task != null) {
      task.wake();
    }
  }

  void greeted(Channel channel, Hello hello) {
    if (!isReady() || !world.isKnown(hello.getMember(), hello.getVmiUid())) {
      channel.endAtOperator();
      return;
    }
    channel.stream = adjudicator.greet(hello, channel::down, channel::endAtOperator);
    channels.add(channel);
    post(() -> adjudicator.attach(channel.stream));
  }

  void received(Channel channel, FromMember message) {
    if (channel.stream != null) {
      post(
          () -> {
            channel.takenIn();
            adjudicator.received(channel.stream, message);
          });
    } else {
      channel.takenIn();
    }
  }

  void ended(Channel channel) {
    if (channels.remove(channel) && !dead) {
      post(() -> adjudicator.detach(channel.stream));
    }
  }

  @Override
  public HACluster read() {
    return world.api.read(this);
  }

  @Override
  public HACluster updateStatus(HACluster cluster) {
    return world.api.update(this, cluster);
  }

  @Override
  public boolean pause(Duration time) {
    world.timeline.sleep(time.toNanos());
    return true;
  }

  @Override
  public boolean lead(String podAddress) {
    boolean done = world.api.lead(this, podAddress);
    String where = podAddress.isEmpty() ? "nowhere" : "to " + podAddress;
    world.story.tell("operator %d leads users %s: %s", number, where, done);
    return done;
  }

  @Override
  public void tell(Command.Tell tell) {
    world.figures.told(tell);
    world.story.tell("operator %d says %s: %s", number, tell.reason(), tell.message());
    if (!REASON.matcher(tell.reason()).matches()
        || tell.message().contains("Optional")
        || tell.message().contains("null")) {
      throw new Violation("NothingForPeople", tell.toString());
    }
  }

  @Override
  public boolean answers(String podAddress) {
    boolean alive = world.isAlive(podAddress);
    world.timeline.sleep(alive ? Timeline.MILLISECOND : Timeline.SECOND);
    return alive;
  }

  @Override
  public void execute(Runnable probe) {
    world.timeline.spawn(probe);
  }

  @Override
  public void probed(String member, Object answer) {
    if (!dead) {
      post(() -> adjudicator.heard(member, answer));
    }
  }
}
