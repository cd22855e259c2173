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
  void aVmIsRestartedThroughItsSubresource() {
    client.restart("shop", "web-0");

    assertThat(requests)
        .containsExactly(
            "PUT /apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachines/web-0/restart {}");
  }

  @ParameterizedTest
  @CsvSource({
    "404, NotFound, is KubeVirt installed",
    "409, Conflict, VM is not running",
    "422, Refused, VM is not running",
    "403, Refused, Give the operator's service account this right",
    "429, Unavailable, VM is not running",
    "503, Unavailable, VM is not running"
  })
  void whatKubeVirtRefusesIsToldInASentence(int status, String kind, String words) {
    code = status;
    answer =
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"VM is not running\",\"code\":"
            + status
            + "}";
    assertThatThrownBy(() -> client.restart("shop", "web-0"))
        .isInstanceOf(KubeVirtException.class)
        .hasMessageStartingWith("Could not restart VM shop/web-0: VM is not running.")
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
    assertThatThrownBy(() -> impatient.restart("shop", "web-0"))
        .isInstanceOf(KubeVirtException.Unavailable.class);
  }

  @Test
  void aServerThatIsNotThereIsUnavailable() {
    server.stop(0);
    assertThatThrownBy(() -> client.restart("shop", "web-0"))
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
