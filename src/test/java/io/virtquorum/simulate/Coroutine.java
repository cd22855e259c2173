package io.virtquorum.simulate;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * A body of code that can pause in its midst and be resumed later, so that production code which
 * blocks can take simulated time. Runs on whatever thread resumes it; one that is never resumed
 * again is simply forgotten, as a process that was killed.
 *
 * <p>Built on the JDK's own continuations (docs/decisions/2026-11-24-coroutines.md), which needs
 * {@code --add-exports java.base/jdk.internal.vm=ALL-UNNAMED}.
 */
final class Coroutine {
  private static final MethodHandle MAKE;
  private static final MethodHandle RUN;
  private static final MethodHandle PAUSE;
  private static final MethodHandle DONE;

  static {
    try {
      Class<?> continuation = Class.forName("jdk.internal.vm.Continuation");
      Class<?> scope = Class.forName("jdk.internal.vm.ContinuationScope");
      var lookup = MethodHandles.lookup();
      Object ours =
          lookup
              .findConstructor(scope, MethodType.methodType(void.class, String.class))
              .invoke("simulation");
      MAKE =
          lookup
              .findConstructor(
                  continuation, MethodType.methodType(void.class, scope, Runnable.class))
              .bindTo(ours)
              .asType(MethodType.methodType(Object.class, Runnable.class));
      RUN =
          lookup
              .findVirtual(continuation, "run", MethodType.methodType(void.class))
              .asType(MethodType.methodType(void.class, Object.class));
      PAUSE =
          lookup
              .findStatic(continuation, "yield", MethodType.methodType(boolean.class, scope))
              .bindTo(ours);
      DONE =
          lookup
              .findVirtual(continuation, "isDone", MethodType.methodType(boolean.class))
              .asType(MethodType.methodType(boolean.class, Object.class));
    } catch (Throwable e) {
      throw new IllegalStateException(
          "simulations need --add-exports java.base/jdk.internal.vm=ALL-UNNAMED", e);
    }
  }

  private final Object continuation;

  Coroutine(Runnable body) {
    try {
      continuation = MAKE.invokeExact(body);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs the body to its next pause or its end; throws what it throws. */
  void resume() {
    try {
      RUN.invokeExact(continuation);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  boolean isDone() {
    try {
      return (boolean) DONE.invokeExact(continuation);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Pauses the body that calls this; returns when it is resumed. */
  static void pause() {
    try {
      boolean paused = (boolean) PAUSE.invokeExact();
      if (!paused) {
        throw new IllegalStateException("a coroutine cannot pause here");
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
