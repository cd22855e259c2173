package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LooksTest {
  private final Looks looks = new Looks();

  @Test
  void givenNoLookThatEndedWellThenNoneHasAnAge() {
    assertThat(looks.age(5)).isEmpty();
    looks.begins(10);
    assertThat(looks.isUnderWay()).isTrue();
    assertThat(looks.age(15)).isEmpty();
    looks.ends(false, false);
    assertThat(looks.isUnderWay()).isFalse();
    assertThat(looks.age(20)).isEmpty();
  }

  @Test
  void givenALookThatEndedWellThenItsAgeCountsFromItsBegin() {
    looks.begins(10);
    looks.ends(true, true);
    assertThat(looks.age(30)).hasValue(20);
    looks.begins(40);
    assertThat(looks.age(50)).as("the new one has not ended").hasValue(40);
    looks.ends(false, false);
    assertThat(looks.age(60)).hasValue(50);
    looks.begins(70);
    looks.ends(true, true);
    assertThat(looks.age(70)).hasValue(0);
  }

  @Test
  void givenAnotherConfigurationOrBootThenWhatWasSeenBeforeDoesNotCount() {
    looks.begins(10);
    looks.ends(true, true);
    looks.forget();
    assertThat(looks.age(30)).isEmpty();
  }
}
