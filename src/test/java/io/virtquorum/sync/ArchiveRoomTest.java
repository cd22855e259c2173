package io.virtquorum.sync;

import static org.assertj.core.api.Assertions.assertThat;

import io.virtquorum.collect.Member;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.ArchiveNote;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.PullResult;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What needs no copy needs no room in the archive. */
class ArchiveRoomTest extends TwoMembers {
  private static final ArchiveLimits TIGHT = new ArchiveLimits(20, 50_000);

  @Test
  void givenAChangeLargerThanTheArchiveWhenItReplacesWhatWasVerifiedThenItSpreads()
      throws Exception {
    bothHold("f", "a".repeat(60_000));
    sample.write("f", "b".repeat(60_000));

    PullResult.Done done = done(pull(TIGHT, false));

    assertThat(member.quick().matrix()).isEqualTo(sample.quick().matrix());
    assertThat(done.archiveEntry()).isEqualTo("v");
    assertThat(member.path(".virtquorum/archive/v/files/f")).doesNotExist();
    assertThat(manifest()).contains("archive 1 ").contains("\n- superseded f 644 0 0 60000 f\n");
    assertThat(member.sh("ls -A .virtquorum")).isEqualTo("archive\nmemory\n");
  }

  @Test
  void givenRoomThenWhatWasVerifiedIsKeptAllTheSame() throws Exception {
    bothHold("f", "a".repeat(40_000));
    sample.write("f", "b".repeat(40_000));

    done(pull(TIGHT, false));

    assertThat(member.path(".virtquorum/archive/v/files/f")).hasContent("a".repeat(40_000));
    assertThat(manifest()).contains("\n- replaced f 644 0 0 40000 f\n");
  }

  @Test
  void givenADirectoryThatWasRenamedThenNothingMustBeKept() throws Exception {
    bothHold("dir/f", "a".repeat(60_000));
    member.sh("touch dir/f"); // a write, by its ctime
    sample.sh("mv dir moved");

    done(pull(TIGHT, false));

    assertThat(member.quick().matrix()).isEqualTo(sample.quick().matrix());
    assertThat(member.path(".virtquorum/archive/v/files/dir/f")).doesNotExist();
    assertThat(manifest()).contains("\n- moved f 644 0 0 60000 dir/f\n");
  }

  @Test
  void givenWhatTheMemberChangedItselfThenItNeedsRoomAndTheRestDoesNot() throws Exception {
    bothHold("f", "a".repeat(60_000));
    member.write("own", "c".repeat(30_000));
    sample.write("f", "b".repeat(60_000));

    done(pull(TIGHT, false));

    assertThat(member.path(".virtquorum/archive/v/files/own")).hasContent("c".repeat(30_000));
    assertThat(member.path(".virtquorum/archive/v/files/f")).doesNotExist();

    member.write("own", "d".repeat(70_000));
    PullResult result = pull(TIGHT, false);
    assertThat(result)
        .isInstanceOfSatisfying(
            PullResult.Failed.class,
            failed -> {
              assertThat(failed.reason()).isEqualTo(PullResult.Reason.ArchiveFull);
              assertThat(failed.message()).contains("70000 bytes (site:own)");
            });
    assertThat(member.path("own")).hasSize(70_000);
  }

  @Test
  void givenAnAttributedOrderThenWhatWasVerifiedNeedsRoomToo() throws Exception {
    bothHold("f", "a".repeat(60_000));
    sample.write("f", "b".repeat(60_000));

    assertThat(pull(TIGHT, true)).isInstanceOf(PullResult.Failed.class);
    assertThat(member.path("f")).hasContent("a".repeat(60_000));
  }

  @Test
  void givenAnOlderStateThatComesBackThenWhatItReplacesNeedsRoom() throws Exception {
    for (Member each : List.of(sample, member)) {
      each.write("f", "a".repeat(60_000));
    }
    member.remember(2, 9);
    sample.write("f", "b".repeat(60_000));

    assertThat(pull(TIGHT, false)).isInstanceOf(PullResult.Failed.class);
  }

  private void bothHold(String name, String content) throws Exception {
    for (Member each : List.of(sample, member)) {
      each.write(name, content);
    }
    member.remember(1, 1);
  }

  private PullResult pull(ArchiveLimits limits, boolean attributed) throws Exception {
    return new Puller(member.files(), limits)
        .pull(
            offer(),
            new Goal.Whole(new Position(1, 2)),
            new ArchiveNote("v", "why", attributed),
            false,
            Member.LIMIT);
  }

  private String manifest() throws Exception {
    return Files.readString(member.path(".virtquorum/archive/v/manifest"));
  }

  private static PullResult.Done done(PullResult result) {
    assertThat(result).isInstanceOf(PullResult.Done.class);
    return (PullResult.Done) result;
  }
}
