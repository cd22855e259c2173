package io.virtquorum.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.virtquorum.kubevirt.VirtualMachine;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;

/** Reads test data as the production code's client would. */
public final class Yaml {

  private Yaml() {}

  /** A resource of the test class path as a tree. */
  public static JsonNode tree(String resource) {
    try (InputStream yaml = open(resource)) {
      return new YAMLMapper().readTree(yaml);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A resource of the test class path as a typed object. */
  public static <T> T read(String resource, Class<T> type) {
    return new KubernetesSerialization().unmarshal(open(resource), type);
  }

  /** A VM from YAML text. */
  public static VirtualMachine vm(String yaml) {
    // Fabric8 takes text that begins with a brace for JSON.
    return new KubernetesSerialization().unmarshal("---\n" + yaml, VirtualMachine.class);
  }

  private static InputStream open(String resource) {
    return Objects.requireNonNull(Yaml.class.getResourceAsStream(resource), resource);
  }
}
