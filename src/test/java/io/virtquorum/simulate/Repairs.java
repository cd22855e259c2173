package io.virtquorum.simulate;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.Applied;
import io.virtquorum.guest.wire.v1.Apply;
import io.virtquorum.guest.wire.v1.Change;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Row;
import io.virtquorum.port.RefusedException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** How a simulated guest program replaces rows, of all trees. For one thread. */
final class Repairs {
  static final String JOURNAL = ProgramTree.OWN + "/applying";
  private static final String HALF = ProgramTree.OWN + "/half";

  private final SimulatedGuest guest;
  private final Operations operations;

  Repairs(SimulatedGuest guest, Operations operations) {
    this.guest = guest;
    this.operations = operations;
  }

  /** True if a repair of a tree was begun and has not ended. */
  boolean isInterrupted() {
    return operations.trees.stream()
        .anyMatch(tree -> !tree.isObserved() && tree.volume().exists(JOURNAL));
  }

  /** Ends what was interrupted. */
  void finish(SimulatedCall call) throws RefusedException {
    for (ProgramTree tree : operations.trees) {
      Node file = tree.isObserved() ? null : tree.volume().get(JOURNAL);
      if (file != null && tree.placeTrouble().isEmpty()) {
        guest.truth.repairs.begins(guest);
        operations.barrier.repaired();
        new Replacement(guest, tree, file.content.as(Replacement.Journal.class).orElseThrow(), true)
            .carryOut(call);
      }
    }
  }

  /** Whether a tree may hold a part of another member's state that was not remembered. */
  private boolean isHalf() {
    return operations.trees.stream().anyMatch(tree -> tree.volume().exists(HALF));
  }

  /** Makes durable whether they may. */
  void setHalf(boolean half) {
    for (ProgramTree tree : operations.trees) {
      Volume volume = tree.volume();
      long time = guest.fileTime();
      if (volume.exists(HALF) != half) {
        if (half) {
          volume.makeDirectories(ProgramTree.OWN, 0700, time);
          volume.write(HALF, Content.of("half", Content.Origin.OWN), 0600, time, time);
        } else {
          volume.remove(HALF, time);
        }
        volume.sync();
      }
    }
  }

  /** Has the trees hold the rows of the body; empty if the guest died meanwhile. */
  Optional<Answer.Builder> apply(SimulatedCall call) throws RefusedException {
    Apply request = call.request.getApply();
    var wanted = operations.targets(call);
    if (request.getLook() != 0
        && !request.getSingle()
        && request.getLook() != operations.number()) {
      throw new RefusedException(
          Reason.REASON_VOID, "", "look " + request.getLook() + " is not the newest any more");
    }
    for (ProgramTree tree : operations.trees) {
      operations.use(tree);
    }
    finish(call);
    boolean half = isHalf();
    guest.truth.repairs.asked(guest);
    operations.barrier.repaired();
    List<Replacement> plans = plans(request, wanted, half);
    if (request.getLook() != 0 && request.getSingle()) {
      refuseMoved(request.getLook(), wanted);
    }
    makeRoom(plans);
    if (request.getWhole()) {
      setHalf(true);
    }
    try {
      return carryOut(plans, call, wanted);
    } catch (RefusedException | Volume.NoRoom failed) {
      tryToFinish(call); // though nobody waits for it any more
      throw failed;
    }
  }

  /** Refuses rows that are not as a look saw them. */
  private void refuseMoved(long look, List<TreeMap<String, Optional<Digest>>> wanted)
      throws RefusedException {
    for (ProgramTree tree : operations.trees) {
      for (String path : wanted.get(tree.index).keySet()) {
        if (tree.isChangedSince(path, look)) {
          throw new RefusedException(Reason.REASON_VOID, "", path + " moved after look " + look);
        }
      }
    }
  }

  /** Ends what was interrupted, if that can be done. */
  void tryToFinish(SimulatedCall call) throws RefusedException {
    try {
      finish(call);
    } catch (Volume.NoRoom e) {
      // until then the tree is not looked at
    }
  }

  private Optional<Answer.Builder> carryOut(
      List<Replacement> plans, SimulatedCall call, List<TreeMap<String, Optional<Digest>>> wanted)
      throws RefusedException {
    Applied.Builder applied = Applied.newBuilder();
    for (Replacement plan : plans) {
      if (plan.isEmpty()) {
        continue;
      }
      if (!plan.begin(call)) {
        return Optional.empty();
      }
      Replacement.Done done = plan.carryOut(call);
      applied.setRows(applied.getRows() + done.rows());
      if (!done.entry().isEmpty()) {
        applied.setArchiveEntry(done.entry());
      }
      for (String late : done.late()) {
        wanted.get(plan.tree().index).remove(late);
        applied.setLateTotal(applied.getLateTotal() + 1);
        applied.addLate(
            Row.newBuilder()
                .setTree(plan.tree().index)
                .setPath(ProgramTree.bytes(late))
                .setTrouble("somebody wrote it"));
      }
    }
    if (call.request.getApply().getProve()) {
      operations.readBack(wanted);
      applied.setProven(true);
    }
    if (call.request.getApply().hasAfter()) {
      applied.setSeen(operations.look(call.request.getApply().getAfter()).getLook());
    }
    return Optional.of(Answer.newBuilder().setApplied(applied));
  }

  private List<Replacement> plans(
      Apply request, List<TreeMap<String, Optional<Digest>>> wanted, boolean half)
      throws RefusedException {
    List<Replacement> plans = new ArrayList<>();
    for (ProgramTree tree : operations.trees) {
      Rules rules = new Rules(request, tree, wanted.get(tree.index), half);
      List<Replacement.Step> steps = new ArrayList<>();
      for (var row : wanted.get(tree.index).entrySet()) {
        String path = row.getKey();
        ProgramTree.Known known = tree.row(path);
        Node was = known == null ? null : known.node();
        Optional<Copies.Staged> staged = operations.copies().staged(tree, path);
        boolean there = staged.filter(s -> tree.volume().exists(s.name())).isPresent();
        if (row.getValue().isPresent()
            && !(there && staged.map(Copies.Staged::digest).equals(row.getValue()))) {
          throw new RefusedException(
              Reason.REASON_VOID, "", path + " was not fetched as it is to be");
        }
        if (row.getValue().isEmpty() && known == null) {
          continue;
        }
        steps.add(
            new Replacement.Step(
                path,
                row.getValue().isEmpty() ? "" : staged.orElseThrow().name(),
                row.getValue().isEmpty() ? 0 : tree.volume().get(staged.orElseThrow().name()).inode,
                was,
                rules.attributed(path),
                known != null && rules.spare(path, known)));
      }
      plans.add(
          new Replacement(
              guest,
              tree,
              new Replacement.Journal(request.getArchiveEntry(), request.getSingle(), false, steps),
              false));
    }
    return plans;
  }

  private void makeRoom(List<Replacement> plans) throws RefusedException {
    for (boolean sparing : new boolean[] {false, true}) {
      long coming = 0;
      for (Replacement plan : plans) {
        coming += plan.need(sparing);
      }
      if (makeRoom(coming)) {
        return;
      }
    }
    throw new RefusedException(Reason.REASON_FAILED, "ArchiveFull", "the archive is full");
  }

  /** An entry of all trees together. */
  private record Entry(long bytes, boolean attributed, long made) {}

  private boolean makeRoom(long coming) {
    var limits = operations.configured().getArchive();
    Map<String, Entry> entries = new HashMap<>();
    for (ProgramTree tree : operations.trees) {
      Replacement.entries(tree.volume())
          .forEach(
              (name, manifest) -> {
                Entry here =
                    new Entry(
                        Replacement.bytes(tree.volume(), name),
                        manifest.attributed(),
                        manifest.made());
                entries.merge(
                    name,
                    here,
                    (a, b) ->
                        new Entry(
                            a.bytes() + b.bytes(),
                            a.attributed() || b.attributed(),
                            Math.min(a.made(), b.made())));
              });
    }
    long all = entries.values().stream().mapToLong(Entry::bytes).sum();
    long kept = entries.values().stream().filter(Entry::attributed).mapToLong(Entry::bytes).sum();
    if (kept + coming > limits.getBytes()) {
      return false;
    }
    int left = entries.size();
    List<String> oldest =
        entries.entrySet().stream()
            .filter(e -> !e.getValue().attributed())
            .sorted(
                java.util.Comparator.comparing((Map.Entry<String, Entry> e) -> e.getValue().made())
                    .thenComparing(Map.Entry::getKey))
            .map(Map.Entry::getKey)
            .toList();
    for (String name : oldest) {
      if (left < limits.getEntries() && all + coming <= limits.getBytes()) {
        break;
      }
      for (ProgramTree tree : operations.trees) {
        String entry = Replacement.ARCHIVE + "/" + name;
        guest.truth.repairs.pruning(guest, tree.volume(), entry);
        tree.volume().remove(entry, guest.fileTime());
      }
      left--;
      all -= entries.get(name).bytes();
    }
    return true;
  }

  /** Whose a tree's rows are, and of which no copy need stay. */
  private static final class Rules {
    private final Apply request;
    private final boolean theirs;
    private final boolean known;
    private final Map<String, Boolean> changed = new HashMap<>();
    private final Set<Digest> becoming = new HashSet<>();

    Rules(Apply request, ProgramTree tree, Map<String, Optional<Digest>> targets, boolean half) {
      this.request = request;
      this.theirs = request.getUsers() || half || tree.isMarked();
      this.known = tree.memory().isPresent();
      for (Change change : tree.changes()) {
        changed.put(change.getPath().toString(ISO_8859_1), !isRot(change));
      }
      targets.values().forEach(digest -> digest.ifPresent(becoming::add));
    }

    private static boolean isRot(Change change) {
      return !change.getBefore().isEmpty()
          && !change.getNow().isEmpty()
          && change.getSettled()
          && !change.getCtimeMoved()
          && !change.getInodeMoved()
          && !change.getParentMoved();
    }

    boolean attributed(String path) {
      return request.getAttributed() || (theirs && (!known || changed.getOrDefault(path, false)));
    }

    boolean spare(String path, ProgramTree.Known row) {
      if (row.unread) {
        return false;
      }
      return becoming.contains(row.digest)
          || (request.getNewer()
              && !request.getAttributed()
              && known
              && !changed.containsKey(path));
    }
  }
}
