package io.virtquorum.seeded;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
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
 * The core and its simulator once more, in a class loader of their own, with a bug in one class.
 * The loader defines all classes of the core's packages itself; everything else is its parent's.
 */
final class SeededCore extends ClassLoader {
  private static final List<String> PACKAGES =
      List.of("io.virtquorum.fingerprint.", "io.virtquorum.vote.", "io.virtquorum.adjudicate.");
  private final Map<String, ByteArrayOutputStream> changed;

  private SeededCore(Map<String, ByteArrayOutputStream> changed) {
    super(SeededCore.class.getClassLoader());
    this.changed = changed;
  }

  /**
   * Compiles the bug.
   *
   * @return one run of the simulator by its seed
   * @throws AssertionError if it does not compile
   */
  static MethodHandle run(SeededBug bug) throws Exception {
    ClassLoader loader = new SeededCore(compile(bug));
    Class<?> run = loader.loadClass("io.virtquorum.adjudicate.RandomizedRun");
    return MethodHandles.publicLookup()
        .findStatic(run, "of", MethodType.methodType(void.class, long.class));
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (PACKAGES.stream().noneMatch(name::startsWith)) {
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

  private static Map<String, ByteArrayOutputStream> compile(SeededBug bug)
      throws IOException, URISyntaxException, ClassNotFoundException {
    Map<String, ByteArrayOutputStream> classes = new HashMap<>();
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    Path core =
        Path.of(
            Class.forName(bug.className())
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null);
        JavaFileManager memory = new Memory(files, classes)) {
      var options = List.of("-proc:none", "-nowarn", "-classpath", core.toString());
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
