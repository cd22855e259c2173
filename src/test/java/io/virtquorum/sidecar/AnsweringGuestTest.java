package io.virtquorum.sidecar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.fingerprint.FingerprintKey;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Watch;
import io.virtquorum.guest.WatchSettings;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class AnsweringGuestTest {
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final WatchSettings SETTINGS =
      new WatchSettings(
          "web-0",
          new FingerprintKey(new byte[32]),
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          Set.of(),
          new ArchiveLimits(1, 1),
          false);

  /** What happened, in its order. */
  private final List<String> story = new ArrayList<>();

  private String speaks = "agent";
  private Guest.State presence = Guest.State.SILENT;
  private final AnsweringGuest guest = new AnsweringGuest(List.of(kind("program"), kind("agent")));

  @Test
  void givenAGuestWithoutTheProgramThenItsAgentIsAskedOnceTheProgramsTurnIsOver() throws Exception {
    Watch watch = guest.watch(SETTINGS);
    assertThatThrownBy(() -> watch.bootId(LIMIT)).isInstanceOf(GuestException.TimedOut.class);
    assertThat(watch.bootId(LIMIT)).isEqualTo("agent");
    assertThat(story)
        .as("a channel is open to one at a time")
        .containsExactly("open program", "watch ends", "close program", "open agent");
  }

  @Test
  void givenThatTheProgramIsInstalledWhileTheVmRunsThenItIsAskedOnceTheAgentIsSilent()
      throws Exception {
    Watch watch = guest.watch(SETTINGS);
    assertThatThrownBy(() -> watch.bootId(LIMIT)).isInstanceOf(GuestException.class);
    assertThat(watch.bootId(LIMIT)).isEqualTo("agent");
    speaks = "program";
    assertThatThrownBy(() -> watch.bootId(LIMIT)).isInstanceOf(GuestException.class);
    assertThatThrownBy(() -> watch.bootId(LIMIT)).isInstanceOf(GuestException.class);
    assertThat(watch.bootId(LIMIT)).isEqualTo("program");
  }

  @Test
  void givenOneThatIsSlowAndThereThenItIsNotLeft() throws Exception {
    speaks = "program";
    Watch watch = guest.watch(SETTINGS);
    assertThat(watch.bootId(LIMIT)).isEqualTo("program");
    speaks = "";
    presence = Guest.State.ANSWERING;
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> watch.bootId(LIMIT)).isInstanceOf(GuestException.class);
    }
    assertThat(story).containsExactly("open program");
  }

  @Test
  void givenOneThatTellsNewsThenItIsHeardAlsoAfterATurn() throws Exception {
    var heard = new ArrayList<String>();
    guest.onNews(() -> heard.add("news"));
    Watch watch = guest.watch(SETTINGS);
    assertThatThrownBy(() -> watch.bootId(LIMIT)).isInstanceOf(GuestException.class);
    assertThat(watch.bootId(LIMIT)).isEqualTo("agent");
    tellNews.run();
    assertThat(heard).containsExactly("news");
  }

  private Runnable tellNews = () -> {};

  private AnsweringGuest.Kind kind(String name) {
    return new AnsweringGuest.Kind(
        name,
        () -> {
          story.add("open " + name);
          return new Spoken(name);
        });
  }

  /** A guest in which one of the kinds speaks, or does not. */
  private final class Spoken implements Guest {
    private final String name;

    Spoken(String name) {
      this.name = name;
    }

    @Override
    public Watch watch(WatchSettings settings) {
      return (Watch)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {Watch.class},
              (proxy, method, arguments) -> {
                if (method.getName().equals("close")) {
                  story.add("watch ends");
                  return null;
                }
                if (!speaks.equals(name)) {
                  throw new GuestException.TimedOut("It says nothing");
                }
                return name;
              });
    }

    @Override
    public Presence presence() {
      return new Presence(presence, Duration.ZERO);
    }

    @Override
    public void onNews(Runnable listener) {
      tellNews = listener;
    }

    @Override
    public void close() {
      story.add("close " + name);
    }
  }
}
