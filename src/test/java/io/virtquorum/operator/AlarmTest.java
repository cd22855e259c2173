package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.javaoperatorsdk.operator.processing.event.ResourceID;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AlarmTest {
  private static final ResourceID WEB = new ResourceID("web", "shop");
  private static final ResourceID MAIL = new ResourceID("mail", "shop");

  private final BlockingQueue<ResourceID> rung = new LinkedBlockingQueue<>();
  private final Alarm alarm = new Alarm(rung::add);

  @Test
  void givenATimeThenItRingsOnceForThatCluster() throws InterruptedException {
    alarm.in(Duration.ofMillis(1), WEB);
    assertThat(rung.take()).isEqualTo(WEB);
    assertThat(rung).isEmpty();
  }

  @Test
  void givenANewTimeThenTheOneBeforeCountsNoMore() throws InterruptedException {
    alarm.in(Duration.ofHours(1), WEB);
    alarm.in(Duration.ofMillis(1), WEB);
    assertThat(rung.take()).isEqualTo(WEB);
  }

  @Test
  void givenThatItIsSwitchedOffThenItDoesNotRingAndOthersDo() throws InterruptedException {
    alarm.in(Duration.ofMillis(1), MAIL);
    assertThat(rung.take()).isEqualTo(MAIL);
    alarm.in(Duration.ofMillis(200), WEB);
    alarm.off(WEB);
    alarm.in(Duration.ofMillis(400), MAIL);
    assertThat(rung.take()).isEqualTo(MAIL);
  }
}
