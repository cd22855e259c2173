package io.virtquorum.wire;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Change;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.fingerprint.Row;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.fingerprint.StaleProcess;
import io.virtquorum.wire.v1.Ailment;
import io.virtquorum.wire.v1.Ballot;
import io.virtquorum.wire.v1.Health;
import io.virtquorum.wire.v1.Memory;
import io.virtquorum.wire.v1.Offer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Between the messages on the wire and the records of the core. What arrives is checked against
 * {@link WireLimits}; what leaves is the caller's own and must keep them. Pure; safe on any thread.
 */
public final class WireMapping {
  private WireMapping() {}

  /** Why a member refuses an order: it has heard a leader with a newer term. */
  public static final String OLD_TERM = "OldTerm";

  /** Why an order did nothing: whoever gave it does not wait for it any more. */
  public static final String RECALLED = "Recalled";

  /** To the wire. */
  public static ByteString write(Digest digest) {
    return ByteString.copyFrom(digest.bytes());
  }

  /** To the wire. */
  public static io.virtquorum.wire.v1.Position write(Position position) {
    return io.virtquorum.wire.v1.Position.newBuilder()
        .setTenure(position.tenure())
        .setSequence(position.sequence())
        .build();
  }

  /**
   * To the wire.
   *
   * @throws IllegalArgumentException if the item has chars above 255, which no file name has
   */
  public static io.virtquorum.wire.v1.RowKey write(RowKey key) {
    if (key.item().chars().anyMatch(c -> c > 255)) {
      throw new IllegalArgumentException("an item has one char a byte: " + key.item());
    }
    return io.virtquorum.wire.v1.RowKey.newBuilder()
        .setFeature(key.feature())
        .setItem(ByteString.copyFrom(key.item(), StandardCharsets.ISO_8859_1))
        .build();
  }

  /** To the wire. */
  public static io.virtquorum.wire.v1.Row write(Row row) {
    return io.virtquorum.wire.v1.Row.newBuilder()
        .setKey(write(row.key()))
        .setDigest(write(row.digest()))
        .build();
  }

  /** To the wire. */
  public static io.virtquorum.wire.v1.Change write(Change change) {
    var message =
        io.virtquorum.wire.v1.Change.newBuilder()
            .setKey(write(change.key()))
            .setKind(
                switch (change.kind()) {
                  case WRITTEN -> io.virtquorum.wire.v1.Change.Kind.KIND_WRITTEN;
                  case ROT -> io.virtquorum.wire.v1.Change.Kind.KIND_ROT;
                });
    change.before().ifPresent(digest -> message.setBefore(write(digest)));
    change.now().ifPresent(digest -> message.setNow(write(digest)));
    return message.build();
  }

  /** To the wire. */
  public static Memory write(Remembered remembered) {
    return Memory.newBuilder()
        .setPosition(write(remembered.position()))
        .setRoot(write(remembered.root()))
        .build();
  }

  /** To the wire. */
  public static Ballot write(BallotContent content) {
    var message =
        Ballot.newBuilder()
            .setNumber(content.number())
            .setBootId(content.bootId())
            .setRoot(write(content.root()))
            .setRows(content.rows())
            .setChangesTotal(content.changesTotal())
            .setSessions(content.sessions())
            .setUsersSinceHeld(content.usersSinceHeld())
            .setAudited(content.audited())
            .setAsks(content.asks())
            .setNewestTenure(content.newestTenure());
    content.memory().ifPresent(memory -> message.setMemory(write(memory)));
    content.changes().forEach(change -> message.addChanges(write(change)));
    content
        .trouble()
        .ifPresent(
            trouble ->
                message
                    .setTrouble(cut(trouble.sentence(), WireLimits.SENTENCE))
                    .setTroubleReason(trouble.reason()));
    new TreeMap<>(content.outputs())
        .forEach((feature, output) -> message.addOutputs(write(feature, output)));
    content.stale().forEach(process -> message.addStale(write(process)));
    return message.build();
  }

  /** To the wire. */
  public static io.virtquorum.wire.v1.StaleProcess write(StaleProcess process) {
    return io.virtquorum.wire.v1.StaleProcess.newBuilder()
        .setFile(write(process.file()))
        .setPid(process.pid())
        .setCommand(cut(process.command(), WireLimits.WORD))
        .setUnit(cut(process.unit(), WireLimits.WORD))
        .build();
  }

  private static io.virtquorum.wire.v1.Output write(String feature, Output output) {
    return io.virtquorum.wire.v1.Output.newBuilder()
        .setFeature(feature)
        .setDigest(write(output.digest()))
        .setWords(cut(output.words(), WireLimits.WORD))
        .setKind(
            switch (output.kind()) {
              case COMPARED -> io.virtquorum.wire.v1.Output.Kind.KIND_COMPARED;
              case REPAIRABLE -> io.virtquorum.wire.v1.Output.Kind.KIND_REPAIRABLE;
              case FAILED -> io.virtquorum.wire.v1.Output.Kind.KIND_FAILED;
            })
        .build();
  }

  /** To the wire. */
  public static Health write(HealthContent content) {
    var message = Health.newBuilder().addAllSilentPeers(content.silentPeers());
    content
        .ailments()
        .forEach(
            ailment ->
                message.addAilments(
                    Ailment.newBuilder()
                        .setReason(ailment.reason())
                        .setSentence(cut(ailment.sentence(), WireLimits.SENTENCE))));
    return message.build();
  }

  /** To the wire. */
  public static Offer write(OfferContent content) {
    var message =
        Offer.newBuilder()
            .setCommandId(content.commandId())
            .setRoot(write(content.matrix().root()))
            .setAddress(content.address())
            .setPort(content.port())
            .setPassword(content.password());
    content.matrix().rows().forEach(row -> message.addRows(write(row)));
    return message.build();
  }

  /** From the wire; the name of the field goes into the sentence. */
  public static Digest readDigest(ByteString bytes, String field) throws WireException {
    if (bytes.size() != Digest.BYTES) {
      throw new WireException(
          "%s must have %d bytes and has %d".formatted(field, Digest.BYTES, bytes.size()));
    }
    return Digest.of(bytes.toByteArray());
  }

  /** From the wire. */
  public static Position read(io.virtquorum.wire.v1.Position position) throws WireException {
    if (position.getTenure() < 0 || position.getSequence() < 0) {
      throw new WireException("A position counts from 0 to 2^63 - 1, this one is beyond");
    }
    return new Position(position.getTenure(), position.getSequence());
  }

  /** From the wire. */
  public static RowKey read(io.virtquorum.wire.v1.RowKey key) throws WireException {
    required(key.getFeature(), WireLimits.FEATURE, "the feature of a row");
    if (key.getItem().size() > WireLimits.ITEM) {
      throw new WireException(
          "The item of a row has %d bytes, %d at most"
              .formatted(key.getItem().size(), WireLimits.ITEM));
    }
    return new RowKey(key.getFeature(), key.getItem().toString(StandardCharsets.ISO_8859_1));
  }

  /** From the wire. */
  public static Row read(io.virtquorum.wire.v1.Row row) throws WireException {
    return new Row(read(row.getKey()), readDigest(row.getDigest(), "the digest of a row"));
  }

  /** From the wire: rows of an order, in any order. */
  public static List<Row> readRows(List<io.virtquorum.wire.v1.Row> messages) throws WireException {
    bounded(messages.size(), WireLimits.ROWS, "rows");
    List<Row> rows = new ArrayList<>(messages.size());
    for (var message : messages) {
      rows.add(read(message));
    }
    return rows;
  }

  /** From the wire: keys of rows, in any order. */
  public static List<RowKey> readKeys(List<io.virtquorum.wire.v1.RowKey> messages)
      throws WireException {
    bounded(messages.size(), WireLimits.ROWS, "rows");
    List<RowKey> keys = new ArrayList<>(messages.size());
    for (var message : messages) {
      keys.add(read(message));
    }
    return keys;
  }

  /** From the wire. */
  public static Change read(io.virtquorum.wire.v1.Change change) throws WireException {
    Optional<Digest> before = optional(change.getBefore(), "before");
    Optional<Digest> now = optional(change.getNow(), "now");
    if (before.isEmpty() && now.isEmpty()) {
      throw new WireException("A change has a digest before, now, or both; this one has none");
    }
    Change.Kind kind =
        switch (change.getKind()) {
          case KIND_WRITTEN -> Change.Kind.WRITTEN;
          case KIND_ROT -> Change.Kind.ROT;
          case KIND_UNSPECIFIED, UNRECOGNIZED ->
              throw new WireException("A change is written or rot; this one does not say which");
        };
    return new Change(read(change.getKey()), kind, before, now);
  }

  /** From the wire. */
  public static Remembered read(Memory memory) throws WireException {
    return new Remembered(
        read(memory.getPosition()), readDigest(memory.getRoot(), "the remembered root"));
  }

  /** From the wire. */
  public static BallotContent read(Ballot ballot) throws WireException {
    bounded(ballot.getChangesCount(), WireLimits.CHANGES, "changes");
    List<Change> changes = new ArrayList<>(ballot.getChangesCount());
    for (var change : ballot.getChangesList()) {
      changes.add(read(change));
    }
    natural(ballot.getRows(), "rows");
    natural(ballot.getSessions(), "sessions");
    natural(ballot.getChangesTotal(), "changes_total");
    if (ballot.getNewestTenure() < 0) {
      throw new WireException("newest_tenure is beyond 2^63 - 1");
    }
    if (ballot.getChangesTotal() < changes.size()) {
      throw new WireException("A ballot names more changes than changes_total counts");
    }
    limited(ballot.getTrouble(), WireLimits.SENTENCE, "the trouble");
    limited(ballot.getTroubleReason(), WireLimits.WORD, "the reason of the trouble");
    limited(ballot.getBootId(), WireLimits.WORD, "the boot id");
    return new BallotContent(
        ballot.getNumber(),
        ballot.getBootId(),
        readDigest(ballot.getRoot(), "the root of a ballot"),
        ballot.getRows(),
        ballot.hasMemory() ? Optional.of(read(ballot.getMemory())) : Optional.empty(),
        ballot.getNewestTenure(),
        changes,
        ballot.getChangesTotal(),
        ballot.getSessions(),
        ballot.getUsersSinceHeld(),
        ballot.getAudited(),
        ballot.getTroubleReason().isEmpty() && ballot.getTrouble().isEmpty()
            ? Optional.empty()
            : Optional.of(
                new BallotContent.Trouble(ballot.getTroubleReason(), ballot.getTrouble())),
        readOutputs(ballot.getOutputsList()),
        readStale(ballot.getStaleList()),
        ballot.getAsks());
  }

  /** From the wire. */
  public static List<StaleProcess> readStale(List<io.virtquorum.wire.v1.StaleProcess> messages)
      throws WireException {
    bounded(messages.size(), WireLimits.STALE, "processes");
    List<StaleProcess> processes = new ArrayList<>(messages.size());
    for (var message : messages) {
      natural(message.getPid(), "the id of a process");
      limited(message.getCommand(), WireLimits.WORD, "the command of a process");
      limited(message.getUnit(), WireLimits.WORD, "the unit of a process");
      processes.add(
          new StaleProcess(
              read(message.getFile()), message.getPid(), message.getCommand(), message.getUnit()));
    }
    return processes;
  }

  private static Map<String, Output> readOutputs(List<io.virtquorum.wire.v1.Output> messages)
      throws WireException {
    bounded(messages.size(), WireLimits.OUTPUTS, "outputs");
    Map<String, Output> outputs = new TreeMap<>();
    for (var message : messages) {
      required(message.getFeature(), WireLimits.FEATURE, "the feature of an output");
      limited(message.getWords(), WireLimits.WORD, "the words of an output");
      Output.Kind kind =
          switch (message.getKind()) {
            case KIND_COMPARED -> Output.Kind.COMPARED;
            case KIND_REPAIRABLE -> Output.Kind.REPAIRABLE;
            case KIND_FAILED -> Output.Kind.FAILED;
            case KIND_UNSPECIFIED, UNRECOGNIZED ->
                throw new WireException("An output does not say of which kind it is");
          };
      Digest digest = readDigest(message.getDigest(), "the digest of an output");
      outputs.put(message.getFeature(), new Output(digest, message.getWords(), kind));
    }
    return outputs;
  }

  /** From the wire. */
  public static HealthContent read(Health health) throws WireException {
    bounded(health.getAilmentsCount(), WireLimits.AILMENTS, "ailments");
    bounded(health.getSilentPeersCount(), WireLimits.PEERS, "silent peers");
    List<BallotContent.Trouble> ailments = new ArrayList<>();
    for (Ailment ailment : health.getAilmentsList()) {
      required(ailment.getReason(), WireLimits.WORD, "the reason of an ailment");
      limited(ailment.getSentence(), WireLimits.SENTENCE, "the sentence of an ailment");
      ailments.add(new BallotContent.Trouble(ailment.getReason(), ailment.getSentence()));
    }
    for (String peer : health.getSilentPeersList()) {
      required(peer, WireLimits.WORD, "the name of a silent peer");
    }
    return new HealthContent(ailments, health.getSilentPeersList());
  }

  /**
   * From the wire.
   *
   * @throws WireException also if the rows do not hash to the offered root
   */
  public static OfferContent read(Offer offer) throws WireException {
    required(offer.getCommandId(), WireLimits.WORD, "the id of an offer");
    required(offer.getAddress(), WireLimits.WORD, "the address of an offer");
    required(offer.getPassword(), WireLimits.WORD, "the password of an offer");
    if (offer.getPort() < 1 || offer.getPort() > 65_535) {
      throw new WireException("The port of an offer is 1 to 65535, not " + offer.getPort());
    }
    Matrix matrix;
    try {
      matrix = Matrix.of(readRows(offer.getRowsList()));
    } catch (IllegalArgumentException e) {
      throw new WireException("The rows of an offer must be distinct: " + e.getMessage());
    }
    Digest root = readDigest(offer.getRoot(), "the root of an offer");
    if (!matrix.root().equals(root)) {
      throw new WireException(
          "The rows of an offer hash to %s and not to its root %s"
              .formatted(matrix.root().brief(), root.brief()));
    }
    return new OfferContent(
        offer.getCommandId(), matrix, offer.getAddress(), offer.getPort(), offer.getPassword());
  }

  private static Optional<Digest> optional(ByteString bytes, String field) throws WireException {
    return bytes.isEmpty() ? Optional.empty() : Optional.of(readDigest(bytes, field));
  }

  private static void required(String text, int limit, String field) throws WireException {
    if (text.isEmpty()) {
      throw new WireException("There must be " + field);
    }
    limited(text, limit, field);
  }

  private static void limited(String text, int limit, String field) throws WireException {
    if (text.length() > limit) {
      throw new WireException("%s has %d chars, %d at most".formatted(field, text.length(), limit));
    }
  }

  private static void bounded(int size, int limit, String what) throws WireException {
    if (size > limit) {
      throw new WireException("A message has %d %s, %d at most".formatted(size, what, limit));
    }
  }

  private static void natural(int value, String field) throws WireException {
    if (value < 0) {
      throw new WireException(field + " is beyond 2^31 - 1");
    }
  }

  private static String cut(String text, int limit) {
    return text.length() <= limit ? text : text.substring(0, limit - 1) + "…";
  }
}
