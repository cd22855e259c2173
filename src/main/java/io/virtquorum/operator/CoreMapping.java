package io.virtquorum.operator;

import io.virtquorum.adjudicate.Ballot;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Event;
import io.virtquorum.adjudicate.Incarnation;
import io.virtquorum.adjudicate.Offer;
import io.virtquorum.adjudicate.Outcome;
import io.virtquorum.adjudicate.RecordedStanding;
import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.OfferContent;
import io.virtquorum.wire.WireException;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.ApplyOutput;
import io.virtquorum.wire.v1.Audit;
import io.virtquorum.wire.v1.Progress;
import io.virtquorum.wire.v1.PullSample;
import io.virtquorum.wire.v1.Quiesce;
import io.virtquorum.wire.v1.Recall;
import io.virtquorum.wire.v1.RestoreRows;
import io.virtquorum.wire.v1.ServeOutput;
import io.virtquorum.wire.v1.ServeSample;
import io.virtquorum.wire.v1.ToMember;
import io.virtquorum.wire.v1.Verify;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** Between what passes on the streams and the adjudicator's events and commands. Pure. */
final class CoreMapping {
  /**
   * How long after receipt an order may still be begun or go on. Never shorter than the reducer
   * waits for its end, and for two orders longer: Quiesce, whose late answer the reducer ignores
   * while the guest lets writers go on by itself; and Serve, for which the reducer waits only until
   * it begins, while the sample has to serve until the pull is over.
   */
  private static final Duration SHORT = Duration.ofMinutes(2);

  private static final Duration LONG = Duration.ofMinutes(10);

  private CoreMapping() {}

  /**
   * A ballot.
   *
   * @param held when the newest look that found the member as it remembers began
   */
  static Event.Voted ballot(
      MemberStream stream, io.virtquorum.wire.v1.Ballot message, Optional<Instant> held)
      throws WireException {
    BallotContent read = WireMapping.read(message);
    return new Event.Voted(
        stream.member(),
        new Ballot(
            new Incarnation(stream.vmiUid(), read.bootId()),
            read.number(),
            read.root(),
            read.rows(),
            read.memory(),
            read.newestTenure(),
            read.changes(),
            read.changesTotal(),
            read.sessions(),
            read.usersSinceHeld(),
            read.audited(),
            read.trouble().map(t -> new Trouble(t.reason(), t.sentence())),
            read.outputs(),
            read.stale(),
            read.asks()),
        held);
  }

  static Event.Offered offer(MemberStream stream, io.virtquorum.wire.v1.Offer message)
      throws WireException {
    OfferContent read = WireMapping.read(message);
    return new Event.Offered(
        stream.member(),
        read.commandId(),
        new Offer(read.matrix(), read.address(), read.port(), read.password()));
  }

  static Event.Finished progress(MemberStream stream, Progress progress) throws WireException {
    Outcome outcome =
        switch (progress.getOutcome()) {
          case OUTCOME_DONE -> done(progress);
          case OUTCOME_VOID -> new Outcome.Void(progress.getMessage());
          case OUTCOME_FAILED, OUTCOME_REFUSED, OUTCOME_UNSPECIFIED, UNRECOGNIZED ->
              progress.getReason().equals(WireMapping.RECALLED)
                  ? new Outcome.Recalled()
                  : new Outcome.Failed(
                      new Trouble(
                          progress.getReason().isEmpty() ? "RepairFailed" : progress.getReason(),
                          progress.getMessage()));
        };
    return new Event.Finished(stream.member(), progress.getCommandId(), outcome);
  }

  private static Outcome done(Progress progress) throws WireException {
    return progress.getRoot().isEmpty()
        ? new Outcome.Done(
            progress.getRows(),
            progress.getBytes(),
            Duration.ofMillis(progress.getMillis()),
            progress.getArchiveEntry(),
            WireMapping.readStale(progress.getStaleList()))
        : new Outcome.Accepted(
            WireMapping.readDigest(progress.getRoot(), "the root that was accepted"));
  }

  static ToMember order(Command.Order order, long term, ClusterSettings settings) {
    var command =
        io.virtquorum.wire.v1.Command.newBuilder()
            .setTerm(term)
            .setId(order.id())
            .setExpiresInMillis((int) LONG.toMillis());
    switch (order) {
      case Command.Recall recall -> {
        return ToMember.newBuilder()
            .setRecall(Recall.newBuilder().setTerm(term).setId(recall.id()))
            .build();
      }
      case Command.Prove prove ->
          command
              .setExpiresInMillis((int) SHORT.toMillis())
              .setVerify(
                  Verify.newBuilder()
                      .setPosition(WireMapping.write(prove.position()))
                      .setRoot(WireMapping.write(prove.root()))
                      .setAccept(prove.accepts() != Command.Accepts.THIS)
                      .setAgain(prove.accepts() == Command.Accepts.LATER_AGAIN));
      case Command.Serve serve ->
          command.setServeSample(
              ServeSample.newBuilder()
                  .setRoot(WireMapping.write(serve.root()))
                  .setPullerAddress(settings.members().get(serve.puller()).syncHost()));
      case Command.ServeOutput serve ->
          command.setServeOutput(
              ServeOutput.newBuilder()
                  .setFeature(serve.feature())
                  .setDigest(WireMapping.write(serve.digest()))
                  .setPullerAddress(settings.members().get(serve.puller()).syncHost()));
      case Command.Apply apply ->
          command.setApplyOutput(
              ApplyOutput.newBuilder()
                  .setOffer(offer(apply.id(), apply.offer()))
                  .setFeature(apply.feature())
                  .setDigest(WireMapping.write(apply.digest()))
                  .setArchiveEntry(apply.archive().entry())
                  .setVerdict(apply.archive().verdict()));
      case Command.Quiesce quiesce ->
          command
              .setExpiresInMillis((int) SHORT.toMillis())
              .setQuiesce(Quiesce.newBuilder().setStillMillis((int) quiesce.still().toMillis()));
      case Command.Pull pull ->
          command.setPullSample(
              PullSample.newBuilder()
                  .setOffer(offer(pull.id(), pull.offer()))
                  .setPosition(WireMapping.write(pull.position()))
                  .setRoot(WireMapping.write(pull.offer().matrix().root()))
                  .setArchiveEntry(pull.archive().entry())
                  .setVerdict(pull.archive().verdict())
                  .setAttributed(pull.archive().attributed()));
      case Command.Restore restore -> {
        RestoreRows.Builder rows =
            RestoreRows.newBuilder()
                .setOffer(offer(restore.id(), restore.offer()))
                .setArchiveEntry(restore.archive().entry())
                .setVerdict(restore.archive().verdict());
        restore.rows().forEach(row -> rows.addRows(WireMapping.write(row)));
        command.setRestoreRows(rows);
      }
      case Command.Rebuild rebuild -> {
        RestoreRows.Builder rows =
            RestoreRows.newBuilder()
                .setWritten(true)
                .setArchiveEntry(rebuild.archive().entry())
                .setVerdict(rebuild.archive().verdict())
                .setAttributed(rebuild.archive().attributed());
        rebuild.offer().ifPresent(o -> rows.setOffer(offer(rebuild.id(), o)));
        rebuild.rows().forEach(row -> rows.addRows(WireMapping.write(row)));
        rebuild.gone().forEach(key -> rows.addGone(WireMapping.write(key)));
        command.setRestoreRows(rows);
      }
    }
    return ToMember.newBuilder().setCommand(command).build();
  }

  /** A full audit that a person asked for. */
  static ToMember audit(long term, String request) {
    return ToMember.newBuilder()
        .setCommand(
            io.virtquorum.wire.v1.Command.newBuilder()
                .setTerm(term)
                .setId("t%d-audit-%s".formatted(term, request))
                .setExpiresInMillis((int) LONG.toMillis())
                .setAudit(Audit.getDefaultInstance()))
        .build();
  }

  /** What the record says of a member. */
  static ToMember standing(RecordedStanding standing, long term) {
    var message =
        io.virtquorum.wire.v1.Standing.newBuilder()
            .setTerm(term)
            .setPrimary(standing.primary())
            .setTenure(standing.tenure())
            .setReason(standing.reason())
            .setSentence(standing.sentence())
            .setConfirmed(standing.confirmed());
    standing
        .committed()
        .ifPresent(
            committed ->
                message
                    .setEpoch(committed.epoch())
                    .setCommitted(WireMapping.write(committed.remembered())));
    return ToMember.newBuilder().setStanding(message).build();
  }

  private static io.virtquorum.wire.v1.Offer offer(String id, Offer offer) {
    return WireMapping.write(
        new OfferContent(id, offer.matrix(), offer.address(), offer.port(), offer.password()));
  }
}
