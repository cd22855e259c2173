package io.virtquorum.seeded;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Optional;
import java.util.Set;

/** What is to find the bugs. */
enum Simulator {
  /** {@code adjudicate.RandomizedRun}: the core, and members as simple as they can be. */
  LIGHT {
    @Override
    Runs in(ClassLoader classes) throws ReflectiveOperationException {
      MethodHandle run =
          MethodHandles.publicLookup()
              .findStatic(
                  classes.loadClass("io.virtquorum.adjudicate.RandomizedRun"),
                  "of",
                  MethodType.methodType(void.class, long.class));
      return seed -> {
        try {
          run.invokeExact(seed);
          return Optional.empty();
        } catch (AssertionError e) {
          return Optional.of(e);
        }
      };
    }
  },

  /** {@code simulate.Run}: the core and both shells, down to the guests. */
  WHOLE {
    @Override
    Runs in(ClassLoader classes) throws ReflectiveOperationException {
      Class<?> run = classes.loadClass("io.virtquorum.simulate.Run");
      Class<?> schedule = classes.loadClass("io.virtquorum.simulate.Schedule");
      Class<?> result = classes.loadClass("io.virtquorum.simulate.Run$Result");
      // Its classes are not public, and those of another loader are another package.
      var lookup = MethodHandles.privateLookupIn(run, MethodHandles.lookup());
      MethodHandle draw =
          lookup.findStatic(schedule, "of", MethodType.methodType(schedule, long.class, Set.class));
      MethodHandle play =
          lookup.findStatic(run, "of", MethodType.methodType(result, schedule, boolean.class));
      MethodHandle failure =
          lookup.findVirtual(result, "failure", MethodType.methodType(Optional.class));
      return seed ->
          ((Optional<?>) failure.invoke(play.invoke(draw.invoke(seed, Set.of()), false)))
              .map(Throwable.class::cast);
    }
  };

  /** Runs by their seeds. */
  interface Runs {
    /** What failed; empty: all invariants held. */
    Optional<Throwable> of(long seed) throws Throwable;
  }

  /** The simulator of these classes. */
  abstract Runs in(ClassLoader classes) throws ReflectiveOperationException;
}
