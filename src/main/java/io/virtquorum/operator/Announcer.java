package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.MicroTime;
import io.fabric8.kubernetes.api.model.ObjectReference;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Trouble;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells people about one cluster: an event on its HACluster and a line in the log, the same
 * sentence not again within a while. Safe on any thread; a failure to tell is logged and forgotten.
 */
final class Announcer {
  private static final Logger LOG = LoggerFactory.getLogger(Announcer.class);
  private static final Duration QUIET = Duration.ofMinutes(5);
  private static final int REMEMBERED = 100;
  private static final int NOTE_LIMIT = 1_000; // the API server refuses 1,024 and more
  private static final DateTimeFormatter MICROS =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'").withZone(ZoneOffset.UTC);

  private final KubernetesClient client;
  private final ObjectReference about;
  private final String operator;
  private final Clock clock;
  private final Recent told;
  private Optional<Trouble> standing = Optional.empty();

  /**
   * @param about the HACluster
   * @param operator name of this operator's pod
   * @param clock dates what is told
   * @param nanoTime as {@link System#nanoTime}
   */
  Announcer(
      KubernetesClient client,
      ObjectReference about,
      String operator,
      Clock clock,
      LongSupplier nanoTime) {
    this.client = client;
    this.about = about;
    this.operator = operator;
    this.clock = clock;
    this.told = new Recent(QUIET, REMEMBERED, nanoTime);
  }

  /** Tells what a person must mend; the same not again for as long as it stands. */
  void standing(Optional<Trouble> trouble) {
    synchronized (told) {
      if (trouble.equals(standing)) {
        return;
      }
      standing = trouble;
    }
    trouble.ifPresent(t -> tell(new Command.Tell(true, t.reason(), t.message())));
  }

  void tell(Command.Tell tell) {
    if (!told.first(tell.reason() + " " + tell.message())) {
      return;
    }
    Instant now = clock.instant();
    (tell.warning() ? LOG.atWarn() : LOG.atInfo())
        .addKeyValue("namespace", about.getNamespace())
        .addKeyValue("cluster", about.getName())
        .addKeyValue("reason", tell.reason())
        .log(tell.message());
    Thread.ofVirtual().name("event-" + about.getName()).start(() -> create(tell, now));
  }

  private void create(Command.Tell tell, Instant now) {
    String note =
        tell.message().length() <= NOTE_LIMIT
            ? tell.message()
            : tell.message().substring(0, NOTE_LIMIT - 1) + "…";
    try {
      client
          .v1()
          .events()
          .inNamespace(about.getNamespace())
          .resource(
              new EventBuilder()
                  .withNewMetadata()
                  .withGenerateName(about.getName() + ".")
                  .withNamespace(about.getNamespace())
                  .endMetadata()
                  .withInvolvedObject(about)
                  .withType(tell.warning() ? "Warning" : "Normal")
                  .withReason(tell.reason())
                  .withAction("Adjudicate")
                  .withMessage(note)
                  .withReportingComponent("virtquorum.io/operator")
                  .withReportingInstance(operator)
                  .withEventTime(new MicroTime(MICROS.format(now)))
                  .withFirstTimestamp(
                      DateTimeFormatter.ISO_INSTANT.format(
                          now.truncatedTo(java.time.temporal.ChronoUnit.SECONDS)))
                  .withLastTimestamp(
                      DateTimeFormatter.ISO_INSTANT.format(
                          now.truncatedTo(java.time.temporal.ChronoUnit.SECONDS)))
                  .withCount(1)
                  .build())
          .create();
    } catch (KubernetesClientException e) {
      LOG.atWarn()
          .addKeyValue("namespace", about.getNamespace())
          .addKeyValue("cluster", about.getName())
          .log("An event could not be written: {}", e.getMessage());
    }
  }
}
