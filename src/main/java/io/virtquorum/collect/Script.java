package io.virtquorum.collect;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * A POSIX shell script for the guest, kept as a resource beside the class that uses it, with the
 * common prelude before it.
 */
public record Script(String name, String text) {
  /**
   * @throws IllegalStateException if the program was built without it
   */
  public static Script of(Class<?> owner, String name) {
    return new Script(name, resource(Script.class, "prelude.sh") + resource(owner, name));
  }

  /** This one and then another, with the same arguments, as the other. */
  public Script then(Class<?> owner, String name) {
    return new Script(name, text + resource(owner, name));
  }

  private static String resource(Class<?> owner, String name) {
    try (var in = owner.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the program was built without " + name);
      }
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
