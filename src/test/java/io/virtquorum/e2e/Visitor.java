package io.virtquorum.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Service;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** Somebody who opens the site by the address of its Service. */
final class Visitor implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMillis(800);

  private final HttpClient http = HttpClient.newBuilder().connectTimeout(PATIENCE).build();
  private final String address;

  Visitor(Service service) {
    this.address =
        "http://%s:%d/"
            .formatted(
                service.getSpec().getClusterIP(),
                service.getSpec().getPorts().getFirst().getPort());
  }

  /**
   * Asks again and again until a page has this text.
   *
   * @return when it was there, by {@link System#nanoTime}
   */
  long awaitPage(String path, String text, Duration deadline) {
    Wait.until("the page %s%s with '%s'".formatted(address, path, text), deadline)
        .pollInterval(Duration.ofMillis(50))
        .untilAsserted(() -> assertThat(page(path)).isEqualTo(text));
    return System.nanoTime();
  }

  private String page(String path) throws IOException, InterruptedException {
    // A connection of its own each time, as another visitor would make: a kept one leads to where
    // it once led.
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(address + path)).timeout(PATIENCE).build();
    HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
    return answer.body().strip();
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
