package io.virtquorum.kubevirt;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against a server of our own, because no virt-api runs beside the shared API server. */
class KubeVirtClientTest {

  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final CountDownLatch end = new CountDownLatch(1);
  private HttpServer server;
  private ExecutorService threads;
  private KubernetesClient kubernetes;
  private KubeVirtClient client;
  private volatile int code = 202;
  private volatile String answer = "";
  private volatile boolean silent;

  @BeforeEach
  void startServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    threads = Executors.newVirtualThreadPerTaskExecutor();
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
    Config config =
        new ConfigBuilder(Config.empty())
            .withMasterUrl("http://127.0.0.1:" + server.getAddress().getPort())
            .withRequestRetryBackoffLimit(0)
            .build();
    kubernetes = new KubernetesClientBuilder().withConfig(config).build();
    client = new KubeVirtClient(kubernetes, Duration.ofSeconds(10));
  }

  @AfterEach
  void stopServer() {
    end.countDown();
    kubernetes.close();
    server.stop(0);
    threads.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
    requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + body);
    if (silent) {
      try {
        end.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    byte[] bytes = answer.getBytes(UTF_8);
    exchange.sendResponseHeaders(code, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  @Test
  void aVmIsStartedStoppedAndRestartedThroughItsSubresources() {
    client.start("shop", "web-0");
    client.stop("shop", "web-0", Duration.ofSeconds(30));
    client.restart("shop", "web-0");

    String vm = "PUT /apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachines/web-0/";
    assertThat(requests)
        .containsExactly(vm + "start {}", vm + "stop {\"gracePeriod\":30}", vm + "restart {}");
  }

  @Test
  void theUsersOfAGuestAreRead() {
    code = 200;
    answer =
        "{\"kind\":\"VirtualMachineInstanceGuestOSUserList\",\"metadata\":{},"
            + "\"items\":[{\"userName\":\"ana\",\"loginTime\":1763800000.25},{\"userName\":\"bo\",\"domain\":\"CORP\"}]}";

    List<GuestUser> users = client.users("shop", "web-0");

    assertThat(users).extracting(GuestUser::userName).containsExactly("ana", "bo");
    assertThat(users.get(0).since()).isEqualTo(Instant.parse("2025-11-22T08:26:40.250Z"));
    assertThat(requests)
        .containsExactly(
            "GET /apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachineinstances/web-0/userlist ");
  }

  @Test
  void aGuestWithoutUsersHasAnEmptyList() {
    code = 200;
    answer = "{\"metadata\":{},\"items\":null}";
    assertThat(client.users("shop", "web-0")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "404, NotFound, is KubeVirt installed",
    "409, Conflict, VM is already running",
    "422, Refused, VM is already running",
    "403, Refused, Give the operator's service account this right",
    "429, Unavailable, VM is already running",
    "503, Unavailable, VM is already running"
  })
  void whatKubeVirtRefusesIsToldInASentence(int status, String kind, String words) {
    code = status;
    answer =
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"VM is already running\",\"code\":"
            + status
            + "}";
    assertThatThrownBy(() -> client.start("shop", "web-0"))
        .isInstanceOf(KubeVirtException.class)
        .hasMessageStartingWith("Could not start VM shop/web-0: VM is already running.")
        .hasMessageContaining(words)
        .satisfies(e -> assertThat(e.getClass().getSimpleName()).isEqualTo(kind));
  }

  @Test
  void aBrokenVirtApiThatAnswersInPlainTextIsUnavailable() {
    code = 503;
    answer = "service unavailable";
    assertThatThrownBy(() -> client.restart("shop", "web-0"))
        .isInstanceOf(KubeVirtException.Unavailable.class)
        .hasMessage("Could not restart VM shop/web-0 (HTTP 503).");
  }

  @Test
  void aServerThatNeverAnswersIsGivenUpAtTheDeadline() {
    silent = true;
    KubeVirtClient impatient = new KubeVirtClient(kubernetes, Duration.ofMillis(200));
    assertThatThrownBy(() -> impatient.start("shop", "web-0"))
        .isInstanceOf(KubeVirtException.Unavailable.class);
  }

  @Test
  void aServerThatIsNotThereIsUnavailable() {
    server.stop(0);
    assertThatThrownBy(() -> client.start("shop", "web-0"))
        .isInstanceOf(KubeVirtException.Unavailable.class);
  }

  @Test
  void theInstallationOfKubeVirtIsReadIfThereIsOne() {
    code = 200;
    answer =
        "{\"kind\":\"KubeVirtList\",\"items\":[{\"metadata\":{\"name\":\"kubevirt\"},\"spec\":{\"configuration\":"
            + "{\"developerConfiguration\":{\"featureGates\":[\"Sidecar\"]}}},\"status\":{\"phase\":\"Deployed\"}}]}";
    KubeVirt installation = client.installation().orElseThrow();
    assertThat(installation.deployed()).isTrue();
    assertThat(installation.featureGates()).containsExactly("Sidecar");

    answer = "{\"kind\":\"KubeVirtList\",\"items\":[]}";
    assertThat(client.installation()).isEmpty();
    code = 404;
    answer = "404 page not found";
    assertThat(client.installation()).isEmpty();
  }

  @Test
  void anEmptyPatchIsNotSent() {
    VirtualMachine vm = new VirtualMachine();
    assertThat(client.patch(vm, JsonPatch.NOTHING)).isSameAs(vm);
    assertThat(requests).isEmpty();
  }
}
