package io.virtquorum.testing;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.virtquorum.e2e.Host;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The chart, as the real Helm renders it. */
public final class Chart {
  /** Where it is, from the root of the project. */
  public static final Path PATH = Path.of("helm", "virtquorum");

  private static final Duration DEADLINE = Duration.ofMinutes(1);

  private Chart() {}

  /** Runs Helm; it may fail. */
  public static Host.Outcome helm(String... words) {
    List<String> command =
        new ArrayList<>(List.of(ApiServer.binaries().resolve("helm").toAbsolutePath().toString()));
    command.addAll(List.of(words));
    return Host.here().attempt(DEADLINE, command);
  }

  /** What {@code helm template} says for release virtquorum in a namespace; it may fail. */
  public static Host.Outcome template(String namespace, String... options) {
    List<String> words =
        new ArrayList<>(
            List.of("template", "virtquorum", PATH.toString(), "--namespace", namespace));
    words.addAll(List.of(options));
    return helm(words.toArray(String[]::new));
  }

  /** All objects, those of hooks too. */
  public static List<HasMetadata> render(String namespace, String... options) {
    Host.Outcome outcome = template(namespace, options);
    if (outcome.exit() != 0) {
      throw new IllegalStateException(outcome.output());
    }
    return objects(outcome.output());
  }

  /** The objects in a text of YAML documents. */
  public static List<HasMetadata> objects(String yaml) {
    KubernetesSerialization serialization = new KubernetesSerialization();
    return Stream.of(yaml.split("(?m)^---$", -1))
        .filter(document -> document.contains("kind:"))
        .map(document -> "---\n" + document)
        .map(document -> (HasMetadata) serialization.unmarshal(document))
        .toList();
  }

  /** The spec of the pods that an object makes, if it makes any. */
  public static Optional<PodSpec> pod(HasMetadata object) {
    return switch (object) {
      case Deployment d -> Optional.of(d.getSpec().getTemplate().getSpec());
      case Job j -> Optional.of(j.getSpec().getTemplate().getSpec());
      case Pod p -> Optional.of(p.getSpec());
      default -> Optional.empty();
    };
  }
}
