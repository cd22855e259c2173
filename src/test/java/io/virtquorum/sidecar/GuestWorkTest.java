package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.fingerprint.Remembered;
import io.virtquorum.guest.Evidence;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Look;
import io.virtquorum.guest.Snapshot;
import io.virtquorum.guest.StillGuest;
import io.virtquorum.guest.Trouble;
import io.virtquorum.wire.BallotContent;
import io.virtquorum.wire.WireMapping;
import io.virtquorum.wire.v1.Command;
import io.virtquorum.wire.v1.Configure;
import io.virtquorum.wire.v1.FileFeature;
import io.virtquorum.wire.v1.FromMember;
import io.virtquorum.wire.v1.Progress.Outcome;
import io.virtquorum.wire.v1.ServeSample;
import io.virtquorum.wire.v1.Verify;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the sidecar decides, over a guest that only says what it is told to say. */
class GuestWorkTest {
  private final Recall recall = new Recall(new CalledRounds());
  private static final Duration LEFT = Duration.ofSeconds(60);
  private static final Evidence SOMEBODY = new Evidence(1, 0, 0, 0, List.of("root tty1"));
  private static final Evidence NOBODY = new Evidence(0, 0, 0, 0, List.of());

  private final KeptInMemory kept = new KeptInMemory();

  @Test
  void givenAMemberThatHoldsWhatItRemembersThenWhoWasThereBeforeIsForgotten() throws Exception {
    StillGuest guest = holding();
    GuestWork work = work(guest, configure());

    guest.users = SOMEBODY;
    BallotContent ballot = work.look(false);
    assertThat(ballot.sessions()).isEqualTo(1);
    assertThat(ballot.usersSinceHeld()).as("they wrote nothing up to then").isFalse();
    assertThat(guest.asked)
        .as("what an earlier life knew belongs into the first ballot")
        .containsExactly("bootId", "settle", "look", "rememberUsers", "outputs");
  }

  @Test
  void givenALaterLookThenWhatItsBallotDoesNotNeedIsDoneAfterIt() throws Exception {
    StillGuest guest = holding();
    GuestWork work = work(guest, configure());
    work.look(false);
    guest.asked.clear();

    work.look(false);
    assertThat(guest.asked).containsExactly("bootId", "settle", "look", "outputs");
    guest.asked.clear();
    work.followUp();
    assertThat(guest.asked).startsWith("bootId", "rememberUsers", "address");
  }

  @Test
  void givenAGuestThatCannotKeepThatUsersWereThereThenItVotesAllTheSameAndThatIsTriedAgain()
      throws Exception {
    boolean[] full = {true};
    StillGuest guest =
        new StillGuest() {
          @Override
          public boolean rememberUsers(Snapshot newest, boolean seen, Duration limit)
              throws Trouble {
            if (full[0]) {
              throw new Trouble(Trouble.Reason.GuestCommandFailed, "no space is left");
            }
            return super.rememberUsers(newest, seen, limit);
          }
        };
    guest.users = SOMEBODY;
    GuestWork work = work(guest, configure());

    assertThat(work.look(false).usersSinceHeld()).isTrue();
    assertThat(work.followUp()).isFalse();
    full[0] = false;
    assertThat(work.followUp()).isTrue();
    assertThat(guest.asked).contains("rememberUsers");
  }

  @Test
  void givenAnOrderBeforeTheFirstLookThenWhoIsThereIsLookedAt() throws Exception {
    StillGuest guest = holding();
    GuestWork work = work(guest, configure());

    work.run(verify(guest), LEFT, recall);
    work.run(verify(guest), LEFT, recall);
    assertThat(guest.asked).containsExactly("users", "verify", "verify");
  }

  @Test
  void givenUsersWhoCameSinceTheNewestLookWhenWhatTheyWroteIsProvenThenTheyAreStillSeen()
      throws Exception {
    StillGuest guest = holding();
    GuestWork work = work(guest, configure());
    work.look(false);

    guest.users = new Evidence(0, 0, 1, 0, List.of());
    work.run(verify(guest), LEFT, recall);
    guest.snapshot = changed(guest.snapshot);
    assertThat(work.look(false).usersSinceHeld()).isTrue();
  }

  @Test
  void givenUsersWhoComeDuringALookAtWhatChangedThenTheyWereThere() throws Exception {
    StillGuest guest =
        new StillGuest() {
          @Override
          public Look look(Duration limit) {
            Evidence before = users;
            users = SOMEBODY;
            return new Look(snapshot, before, users);
          }
        };
    GuestWork work = work(guest, configure());

    assertThat(work.look(false).usersSinceHeld()).isTrue();
    assertThat(kept.usersSinceHeld()).as("for the next life").isTrue();
    guest.users = NOBODY;
    assertThat(work.look(false).usersSinceHeld()).isTrue();
  }

  @Test
  void givenFilesThatCannotBeReadThenTheBallotSaysSoAndWhatWasSeenLast() throws Exception {
    StillGuest guest =
        new StillGuest() {
          @Override
          public Look look(Duration limit) throws GuestException, Trouble {
            if (asked.contains("look")) {
              throw new Trouble(Trouble.Reason.NotMounted, "/srv/www is not mounted");
            }
            return super.look(limit);
          }
        };
    GuestWork work = work(guest, configure());

    assertThat(work.look(false).trouble()).isEmpty();
    BallotContent ballot = work.look(false);
    assertThat(ballot.trouble().orElseThrow().reason()).isEqualTo("NotMounted");
    assertThat(ballot.bootId()).isEqualTo("boot-1");
    assertThat(ballot.audited()).isFalse();
  }

  @Test
  void givenModeObserveThenNoOrderReachesTheGuest() throws Exception {
    StillGuest guest = holding();
    GuestWork work = work(guest, configure().toBuilder().setObserve(true).build());

    FromMember answer = work.run(verify(guest), LEFT, recall);
    assertThat(answer.getProgress().getOutcome()).isEqualTo(Outcome.OUTCOME_REFUSED);
    assertThat(guest.asked).isEmpty();
    work.look(false);
    assertThat(guest.asked).doesNotContain("address", "silent");
  }

  @Test
  void givenAnOrderToServeThenOnlyWhatIsHeldIsServedAndServingsToOthersGoOn() throws Exception {
    StillGuest guest = holding();
    GuestWork work = work(guest, configure());

    assertThat(work.run(serve(guest.snapshot), LEFT, recall).getOffer().getAddress())
        .isEqualTo("172.31.77.11");
    assertThat(guest.asked).containsExactly("bootId", "address", "serve");
    guest.asked.clear();
    Command earlier =
        Command.newBuilder()
            .setId("serve-2")
            .setServeSample(ServeSample.newBuilder().setRoot(ByteString.copyFrom(new byte[32])))
            .build();
    assertThat(work.run(earlier, LEFT, recall).getProgress().getOutcome())
        .isEqualTo(Outcome.OUTCOME_VOID);
    assertThat(guest.asked).containsExactly("bootId", "serve");
  }

  private static Command serve(Snapshot snapshot) {
    return Command.newBuilder()
        .setId("serve-1")
        .setServeSample(
            ServeSample.newBuilder()
                .setRoot(WireMapping.write(snapshot.matrix().root()))
                .setPullerAddress("172.31.77.12"))
        .build();
  }

  private static Command verify(StillGuest guest) {
    return Command.newBuilder()
        .setId("verify-1")
        .setVerify(
            Verify.newBuilder()
                .setPosition(WireMapping.write(new Position(1, 1)))
                .setRoot(WireMapping.write(guest.snapshot.matrix().root())))
        .build();
  }

  private static StillGuest holding() {
    StillGuest guest = new StillGuest();
    Snapshot bare = guest.snapshot;
    guest.snapshot =
        new Snapshot(
            bare.bootId(),
            bare.matrix(),
            Optional.of(new Remembered(new Position(1, 1), bare.matrix().root())),
            List.of(),
            0,
            false,
            0);
    return guest;
  }

  private static Snapshot changed(Snapshot held) {
    return new Snapshot(
        held.bootId(), held.matrix(), held.memory(), List.of(), 1, held.audited(), 0);
  }

  private GuestWork work(StillGuest guest, Configure configure) {
    return GuestWork.of("web-0", configure, guest, kept, Set.of(), System::nanoTime);
  }

  private static Configure configure() {
    return Configure.newBuilder()
        .setFingerprintKey(ByteString.copyFrom(new byte[32]))
        .addFiles(FileFeature.newBuilder().setName("site").setPath("/srv/www"))
        .setSyncMac("0e:76:71:00:00:0a")
        .setSyncAddress("172.31.77.11/24")
        .build();
  }
}
