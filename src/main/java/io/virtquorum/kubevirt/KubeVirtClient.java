package io.virtquorum.kubevirt;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import io.fabric8.kubernetes.api.model.Status;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What VirtQuorum asks of KubeVirt beyond reading. Every call blocks until it is answered or its
 * deadline is over, and throws a {@link KubeVirtException}. Thread-safe.
 */
public final class KubeVirtClient {

  // The API server answers a patch whose test failed with the code of a refused object; only its
  // words differ.
  private static final String FAILED_TEST =
      "the server rejected our request due to an error in our request";

  private static final String SUBRESOURCES = "apis/subresources.kubevirt.io/v1/namespaces/";

  private final KubernetesClient client;
  private final Duration deadline;

  /**
   * Asks through this client.
   *
   * @param client stays the caller's to close
   * @param deadline of each call, retries included; positive
   */
  public KubeVirtClient(KubernetesClient client, Duration deadline) {
    this.client = client;
    this.deadline = deadline;
  }

  /**
   * Ends a VM's instance, so that KubeVirt makes a new one by the current template.
   *
   * @throws KubeVirtException.Conflict if it does not run
   */
  public void restart(String namespace, String name) {
    String path =
        SUBRESOURCES + encoded(namespace) + "/virtualmachines/" + encoded(name) + "/restart";
    HttpRequest.Builder request =
        client.getHttpClient().newHttpRequestBuilder().uri(uri(path)).put("application/json", "{}");
    send(request, "restart VM " + namespace + "/" + name);
  }

  /**
   * Patches a VM and returns it as it is then.
   *
   * @param patch if empty, nothing is sent
   * @throws KubeVirtException.Conflict if the VM changed meanwhile, so that a {@code test} of the
   *     patch failed
   * @throws KubeVirtException.Refused if KubeVirt does not accept the result
   */
  public VirtualMachine patch(VirtualMachine vm, JsonPatch patch) {
    if (patch.isEmpty()) {
      return vm;
    }
    String namespace = vm.getMetadata().getNamespace();
    String name = vm.getMetadata().getName();
    String path =
        "apis/kubevirt.io/v1/namespaces/"
            + encoded(namespace)
            + "/virtualmachines/"
            + encoded(name);
    HttpRequest.Builder request =
        client
            .getHttpClient()
            .newHttpRequestBuilder()
            .uri(uri(path))
            .method("PATCH", "application/json-patch+json", patch.toJson());
    String body = send(request, "change VM " + namespace + "/" + name);
    return client.getKubernetesSerialization().unmarshal(body, VirtualMachine.class);
  }

  /** The installation of KubeVirt, if there is one. */
  public Optional<KubeVirt> installation() {
    HttpRequest.Builder request =
        client.getHttpClient().newHttpRequestBuilder().uri(uri("apis/kubevirt.io/v1/kubevirts"));
    try {
      String body = send(request, "read the KubeVirt installation");
      Installations found =
          client.getKubernetesSerialization().unmarshal(body, Installations.class);
      return Objects.requireNonNullElse(found.items(), List.<KubeVirt>of()).stream().findFirst();
    } catch (KubeVirtException.NotFound e) {
      return Optional.empty();
    }
  }

  private String send(HttpRequest.Builder builder, String what) {
    HttpRequest request = builder.timeout(deadline.toMillis(), TimeUnit.MILLISECONDS).build();
    CompletableFuture<HttpResponse<String>> answer =
        client.getHttpClient().sendAsync(request, String.class);
    try {
      HttpResponse<String> response = answer.get(deadline.toMillis(), TimeUnit.MILLISECONDS);
      if (response.isSuccessful()) {
        return response.body();
      }
      throw failure(response.code(), status(response.body()), what);
    } catch (TimeoutException e) {
      answer.cancel(true);
      throw new KubeVirtException.Unavailable(
          "Could not "
              + what
              + ": no answer within "
              + deadline.toMillis()
              + " ms; it will be tried again.",
          e);
    } catch (ExecutionException e) {
      throw new KubeVirtException.Unavailable(
          "Could not "
              + what
              + ": the API server cannot be reached ("
              + e.getCause().getMessage()
              + ").",
          e.getCause());
    } catch (InterruptedException e) {
      answer.cancel(true);
      Thread.currentThread().interrupt();
      throw new KubeVirtException.Unavailable(
          "Could not " + what + ": interrupted while waiting.", e);
    }
  }

  private Optional<Status> status(String body) {
    try {
      return Optional.ofNullable(client.getKubernetesSerialization().unmarshal(body, Status.class));
    } catch (RuntimeException e) {
      // An aggregated API that is down answers in plain text.
      return Optional.empty();
    }
  }

  private static KubeVirtException failure(int code, Optional<Status> status, String what) {
    String said = status.map(Status::getMessage).map(m -> ": " + m).orElse(" (HTTP " + code + ")");
    String sentence = "Could not " + what + said + (said.endsWith(".") ? "" : ".");
    return switch (code) {
      case 404 ->
          new KubeVirtException.NotFound(
              sentence + " Is the VM there, and is KubeVirt installed?", null);
      case 409 -> new KubeVirtException.Conflict(sentence, null);
      case 422 ->
          said.contains(FAILED_TEST)
              ? new KubeVirtException.Conflict(
                  "Could not " + what + ": it was changed meanwhile; it will be read again.", null)
              : new KubeVirtException.Refused(sentence, null);
      case 401, 403 ->
          new KubeVirtException.Refused(
              sentence + " Give the operator's service account this right.", null);
      default ->
          code >= 500 || code == 429
              ? new KubeVirtException.Unavailable(sentence, null)
              : new KubeVirtException.Refused(sentence, null);
    };
  }

  private URI uri(String path) {
    String server = client.getMasterUrl().toString();
    return URI.create((server.endsWith("/") ? server : server + "/") + path);
  }

  private static String encoded(String segment) {
    return URLEncoder.encode(segment, StandardCharsets.UTF_8);
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  private record Installations(List<KubeVirt> items) {}
}
