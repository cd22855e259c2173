package io.virtquorum.collect;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That a user was there must outlive the pod that saw him. */
class UserMarkTest {
  @TempDir Path directory;
  private Member member;

  @BeforeEach
  void open() throws Exception {
    member = new Member(directory.resolve("m"));
    member.write("f", "one");
    member.remember(1, 1);
  }

  @AfterEach
  void close() {
    member.close();
  }

  @Test
  void givenAUserWhoWroteWhenANewPodLooksThenItKnowsOfHim() throws Exception {
    member.write("f", "two");
    assertThat(look(mark(), true)).isTrue();

    member.restart();
    assertThat(look(mark(), false)).isTrue();
  }

  @Test
  void givenNobodyThenAWriteStaysNobodys() throws Exception {
    member.write("f", "two");
    assertThat(look(mark(), false)).isFalse();
    assertThat(look(mark(), false)).isFalse();
    assertThat(member.path(".virtquorum/users")).doesNotExist();
  }

  @Test
  void givenANewerMemoryThenWhoWasThereBeforeDoesNotCount() throws Exception {
    member.write("f", "two");
    look(mark(), true);
    member.remember(1, 2);
    member.write("f", "three");

    assertThat(look(mark(), false)).isFalse();
    assertThat(member.path(".virtquorum/users")).doesNotExist();
  }

  @Test
  void givenAMemberThatHoldsWhatItRemembersAgainThenTheMarkGoes() throws Exception {
    UserMark mark = mark();
    member.write("f", "two");
    look(mark, true);
    assertThat(member.path(".virtquorum/users")).exists();
    member.write("f", "one");

    look(mark, true);
    assertThat(member.path(".virtquorum/users")).doesNotExist();
  }

  @Test
  void givenADiskWithoutAMemoryWhenANewPodLooksThenItKnowsOfTheUserWhoWroteThere()
      throws Exception {
    Files.delete(member.path(".virtquorum/memory"));
    member.restart();
    member.write("f", "two");
    assertThat(look(mark(), false)).isFalse();
    assertThat(look(mark(), true)).isTrue();

    member.restart();
    assertThat(look(mark(), false)).isTrue();
    member.remember(1, 2);
    assertThat(look(mark(), false)).isFalse();
  }

  @Test
  void givenAMemoryThatIsLostWithOneOfTheDisksThenWhoWroteOnTheOtherStillCounts() throws Exception {
    member.write("f", "two");
    assertThat(look(mark(), true)).isTrue();
    Files.delete(member.path(".virtquorum/memory"));

    member.restart();
    assertThat(look(mark(), false)).isTrue();
  }

  private UserMark mark() {
    return new UserMark(member.files().shell(), member.trees.getFirst());
  }

  private boolean look(UserMark mark, boolean seen) throws Exception {
    return mark.look(member.quick(), seen, Member.LIMIT);
  }
}
