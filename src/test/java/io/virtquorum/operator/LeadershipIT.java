package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.testing.ApiServer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(ApiServer.class)
@Timeout(90)
class LeadershipIT {

  @Test
  void givenALeaderThatClosesThenTheLeaseIsFreeAndTheNextHasItBeforeItWouldHaveRunOut(
      KubernetesClient client) throws InterruptedException {
    CountDownLatch first = new CountDownLatch(1);
    CountDownLatch lost = new CountDownLatch(1);
    CountDownLatch second = new CountDownLatch(1);
    try (Leadership a = leadership(client, "a", first, lost)) {
      assertThat(first.await(20, TimeUnit.SECONDS)).isTrue();
      try (Leadership b = leadership(client, "b", second, new CountDownLatch(1))) {
        assertThat(holder(client)).isEqualTo("a");
        assertThat(second.getCount()).isEqualTo(1);
        a.close();
        assertThat(givenUp(client, "a")).as("given up before close returned").isTrue();
        assertThat(lost.await(5, TimeUnit.SECONDS)).isTrue();
        assertThat(second.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(holder(client)).isEqualTo("b");
      }
    }
  }

  /**
   * Fabric8 gives a lease up by letting it live for one second more; the next leader may have it
   * then.
   */
  private static boolean givenUp(KubernetesClient client, String identity) {
    var lease = client.leases().withName("virtquorum-leader").require().getSpec();
    return !identity.equals(lease.getHolderIdentity()) || lease.getLeaseDurationSeconds() == 1;
  }

  private static String holder(KubernetesClient client) {
    return client.leases().withName("virtquorum-leader").require().getSpec().getHolderIdentity();
  }

  private static Leadership leadership(
      KubernetesClient client, String identity, CountDownLatch acquired, CountDownLatch lost) {
    return new Leadership(
        client, client.getNamespace(), identity, acquired::countDown, lost::countDown);
  }
}
