package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.collect.FileTrees;
import io.virtquorum.collect.Member;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Matrix;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.RowKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Offer;
import io.virtquorum.guest.PullResult;
import io.virtquorum.guest.Snapshot;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A member that wrote is brought back to what it remembers, row by row. */
class RememberedRowsTest extends TwoMembers {
  @Test
  void givenRowsThatWereWrittenWhenTheyComeBackThenTheMemberHoldsWhatItRemembers()
      throws Exception {
    Snapshot held = bothHold();
    member.write("changed", "drift").write("new/file", "drift").sh("rm -r dir");

    var done = done(pull(offer(), back(held), ROOMY));

    Snapshot after = member.quick();
    assertThat(after.matrix()).isEqualTo(held.matrix());
    assertThat(after.changes()).isEmpty();
    assertThat(after.memory().orElseThrow().position()).isEqualTo(new Position(4, 2));
    assertThat(member.path(".virtquorum/archive/" + done.archiveEntry() + "/files/changed"))
        .hasContent("drift");
    assertThat(member.path(".virtquorum/archive/" + done.archiveEntry() + "/files/new/file"))
        .hasContent("drift");
    member.settle();
    member.quick();
    assertThat(member.restart().audit(Member.LIMIT).changes()).isEmpty();
  }

  @Test
  void givenADonorThatDriftedItselfThenOnlyTheNamedRowsCome() throws Exception {
    Snapshot held = bothHold();
    member.write("changed", "drift").write("other", "kept");
    sample.write("elsewhere", "the donor's drift");
    RowKey changed = new RowKey("site", "changed");

    var goal = new Goal.Remembered(Map.of(changed, held.matrix().digest(changed)));
    assertThat(done(pull(offer(), goal, ROOMY)).rows()).isEqualTo(1);

    assertThat(member.path("changed")).hasContent("right");
    assertThat(member.path("other")).hasContent("kept");
    assertThat(member.path("elsewhere")).doesNotExist();
  }

  @Test
  void givenRowsThatOnlyGoThenNobodyServesThem() throws Exception {
    Snapshot held = bothHold();
    member.write("new/file", "drift");

    var done = done(pull(Offer.nothing(), back(held), ROOMY));

    assertThat(done.bytes()).isZero();
    assertThat(member.quick().changes()).isEmpty();
    assertThat(member.path(".virtquorum/archive/" + done.archiveEntry() + "/files/new/file"))
        .hasContent("drift");
  }

  @Test
  void givenAMemberThatMovesMeanwhileThenNothingIsTouched() throws Exception {
    Snapshot held = bothHold();
    member.write("changed", "drift");
    Goal goal = back(held);
    var trees =
        new FileTrees(
            tampered(
                (guest, exec) -> {
                  var result = guest.run(exec);
                  if (exec.command().get(2).contains("# stage.sh")) {
                    try {
                      member.write("elsewhere", "written meanwhile");
                    } catch (java.io.IOException e) {
                      throw new IllegalStateException(e);
                    }
                  }
                  return result;
                }),
            Member.KEY,
            member.trees,
            Member.AT_ONCE);

    var result =
        new Puller(trees, ROOMY)
            .pull(offer(), goal, new ArchiveNote("v", "why"), false, Member.LIMIT);

    assertThat(result).isInstanceOf(PullResult.Void.class);
    assertThat(member.path("changed")).hasContent("drift");
    assertThat(member.path("elsewhere")).hasContent("written meanwhile");
  }

  @Test
  void givenAnOrderThatIsOlderThanTheMemoryThenNothingIsTouched() throws Exception {
    Snapshot held = bothHold();
    member.write("changed", "accepted since");
    Goal goal = back(held);
    member.remember(4, 3);

    assertThat(pull(offer(), goal, ROOMY)).isInstanceOf(PullResult.Void.class);
    assertThat(member.path("changed")).hasContent("accepted since");
  }

  @Test
  void givenAnAttributedOrderThenWhatItReplacesIsSomebodysAndStays() throws Exception {
    Snapshot held = bothHold();
    member.write("changed", "what the old primary's user wrote");
    var note = new ArchiveNote("first", "why", true);
    var goal = back(held);
    done(new Puller(member.files(), ROOMY).pull(offer(), goal, note, false, Member.LIMIT));

    assertThat(Files.readString(member.path(".virtquorum/archive/first/manifest")))
        .contains("\nuser replaced f 644 0 0 33 changed\n");
    member.write("changed", "nobody's");
    done(pull(offer(), back(held), new ArchiveLimits(0, 1L << 30)));
    assertThat(member.sh("ls .virtquorum/archive")).isEqualTo("entry\nfirst\n");
  }

  @Test
  void givenAFreshMemberWhenAWholePullIsAttributedThenWhatItReplacesIsSomebodys() throws Exception {
    sample.write("f", "right");
    member.write("f", "written by the old primary");
    var note = new ArchiveNote("v", "why", true);

    done(new Puller(member.files(), ROOMY).pull(offer(), WHOLE, note, false, Member.LIMIT));

    assertThat(Files.readString(member.path(".virtquorum/archive/v/manifest")))
        .contains("\nuser replaced f 644 0 0 26 f\n");
  }

  /** Both hold the same, and the member remembers it. */
  private Snapshot bothHold() throws Exception {
    for (Member each : java.util.List.of(sample, member)) {
      each.write("changed", "right").write("dir/lost", "right").write("same", "same");
    }
    return member.remember(4, 2);
  }

  /** Every row that differs from what was held is to be what it was. */
  private Goal back(Snapshot held) throws Exception {
    Map<RowKey, Optional<Digest>> rows = new HashMap<>();
    for (Matrix.Difference row : member.quick().matrix().differences(held.matrix())) {
      rows.put(row.key(), row.theirs());
    }
    return new Goal.Remembered(rows);
  }

  private PullResult pull(Offer offer, Goal goal, ArchiveLimits limits) throws Exception {
    return new Puller(member.files(), limits)
        .pull(offer, goal, new ArchiveNote("entry", "why"), false, Member.LIMIT);
  }

  private static PullResult.Done done(PullResult result) {
    assertThat(result).isInstanceOf(PullResult.Done.class);
    return (PullResult.Done) result;
  }
}
