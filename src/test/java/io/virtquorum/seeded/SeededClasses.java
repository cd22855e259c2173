package io.virtquorum.seeded;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * VirtQuorum and its simulators once more, in a class loader of their own, with a bug in one class.
 */
final class SeededClasses extends ClassLoader {
  /** Data and generated code: nothing in them links to what may have a bug. */
  private static final List<String> SHARED =
      List.of("io.virtquorum.wire.v1.", "io.virtquorum.api.");

  private final Map<String, ByteArrayOutputStream> changed;

  private SeededClasses(Map<String, ByteArrayOutputStream> changed) {
    super(SeededClasses.class.getClassLoader());
    this.changed = changed;
  }

  /**
   * Compiles the bug.
   *
   * @throws AssertionError if it does not compile
   */
  static SeededClasses with(SeededBug bug) throws IOException {
    return new SeededClasses(compile(bug));
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith("io.virtquorum.") || SHARED.stream().anyMatch(name::startsWith)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> known = findLoadedClass(name);
      return known != null ? known : define(name);
    }
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    byte[] bytes;
    if (changed.containsKey(name)) {
      bytes = changed.get(name).toByteArray();
    } else {
      try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
        if (in == null) {
          throw new ClassNotFoundException(name);
        }
        bytes = in.readAllBytes();
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
    return defineClass(name, bytes, 0, bytes.length);
  }

  private static Map<String, ByteArrayOutputStream> compile(SeededBug bug) throws IOException {
    Map<String, ByteArrayOutputStream> classes = new HashMap<>();
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null);
        JavaFileManager memory = new Memory(files, classes)) {
      var options =
          List.of("-proc:none", "-nowarn", "-classpath", System.getProperty("java.class.path"));
      var units = List.of(new Source(bug));
      if (!compiler.getTask(null, memory, null, options, null, units).call()) {
        throw new AssertionError("does not compile: " + bug);
      }
    }
    return classes;
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    Source(SeededBug bug) throws IOException {
      super(URI.create("string:///" + bug.className().replace('.', '/') + ".java"), Kind.SOURCE);
      text = bug.source();
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }

  /** Keeps what is compiled in memory. */
  private static final class Memory extends ForwardingJavaFileManager<JavaFileManager> {
    private final Map<String, ByteArrayOutputStream> classes;

    Memory(JavaFileManager files, Map<String, ByteArrayOutputStream> classes) {
      super(files);
      this.classes = classes;
    }

    @Override
    public JavaFileObject getJavaFileForOutput(
        Location location, String name, JavaFileObject.Kind kind, javax.tools.FileObject sibling) {
      return new SimpleJavaFileObject(URI.create("memory:///" + name), kind) {
        @Override
        public OutputStream openOutputStream() {
          ByteArrayOutputStream bytes = new ByteArrayOutputStream();
          classes.put(name, bytes);
          return bytes;
        }
      };
    }
  }
}
