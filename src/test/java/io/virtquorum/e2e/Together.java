package io.virtquorum.e2e;

import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/**
 * Does the same with several things at once, each on a thread of its own. Parallel streams would
 * take the common pool's only worker, on which the Kubernetes client completes its answers: every
 * request would hang.
 */
final class Together {
  private Together() {}

  static <T> void forEach(List<T> things, Consumer<T> work) {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<? extends Future<?>> all =
          things.stream().map(thing -> threads.submit(() -> work.accept(thing))).toList();
      for (Future<?> one : all) {
        one.get();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
