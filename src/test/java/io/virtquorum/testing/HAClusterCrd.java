package io.virtquorum.testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.TextNode;
import io.fabric8.crdv2.generator.CRDGenerator;
import io.fabric8.crdv2.generator.CRDPostProcessor;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceColumnDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinitionVersion;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.virtquorum.api.DurationText;
import io.virtquorum.api.Failover;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.Timing;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Generates the CRD of HACluster from its records, and adds what their annotations cannot say. */
public final class HAClusterCrd {

  /** The committed CRD, from the root of the project. */
  public static final Path COMMITTED = Path.of("crds", "haclusters.virtquorum.io-v1.yml");

  private static final List<String> COLUMNS =
      List.of("In sync", "Primary", "Epoch", "Exposure", "Ready", "Age");

  private HAClusterCrd() {}

  /** The CRD as YAML. */
  public static String generate() {
    ByteArrayOutputStream yaml = new ByteArrayOutputStream();
    new CRDGenerator()
        .withOutput(new InMemory(yaml))
        .withMinQuotes(true)
        .withPostProcessor(new Finish())
        .customResourceClasses(List.of(HACluster.class))
        .generate();
    return yaml.toString(UTF_8);
  }

  private record InMemory(ByteArrayOutputStream bytes)
      implements CRDGenerator.CRDOutput<OutputStream> {
    @Override
    public OutputStream outputFor(String name) {
      return bytes;
    }

    @Override
    public void close() {}
  }

  /**
   * The generator sorts columns by path, reads a default of type Duration as ISO 8601, and forgets
   * the bounds of what is read from another type.
   */
  private static final class Finish implements CRDPostProcessor {
    @Override
    public HasMetadata process(HasMetadata resource, String crdSpecVersion) {
      for (CustomResourceDefinitionVersion version :
          ((CustomResourceDefinition) resource).getSpec().getVersions()) {
        version
            .getAdditionalPrinterColumns()
            .sort(
                Comparator.comparingInt(
                    (CustomResourceColumnDefinition c) -> COLUMNS.indexOf(c.getName())));
        JSONSchemaProps schema = version.getSchema().getOpenAPIV3Schema();
        durations(
            property(schema, "spec", "timing"),
            Map.of(
                "beat", Timing.DEFAULT.beat(),
                "quick", Timing.DEFAULT.quick(),
                "settle", Timing.DEFAULT.settle(),
                "audit", Timing.DEFAULT.audit()));
        durations(
            property(schema, "spec", "failover"), Map.of("patience", Failover.DEFAULT.patience()));
        listMap(property(schema, "status", "conditions"), "type");
        listMap(property(schema, "status", "members"), "name");
        listMap(property(schema, "status", "record", "members"), "name");
      }
      return resource;
    }

    private static void durations(JSONSchemaProps of, Map<String, Duration> defaults) {
      defaults.forEach(
          (name, duration) -> {
            JSONSchemaProps text = property(of, name);
            text.setDefault(new TextNode(DurationText.format(duration)));
            text.setPattern(DurationText.PATTERN);
            text.setMaxLength((long) DurationText.LONGEST);
          });
    }

    private static void listMap(JSONSchemaProps list, String key) {
      list.setXKubernetesListType("map");
      list.setXKubernetesListMapKeys(List.of(key));
      list.getItems().getSchema().setRequired(List.of(key));
    }

    private static JSONSchemaProps property(JSONSchemaProps schema, String... path) {
      JSONSchemaProps at = schema;
      for (String name : path) {
        at = at.getProperties().get(name);
      }
      return at;
    }
  }
}
