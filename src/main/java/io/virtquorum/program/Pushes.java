package io.virtquorum.program;

import io.virtquorum.guest.wire.v1.Push;

/** Hears what the program sees by itself, each the whole of its kind. */
@FunctionalInterface
interface Pushes {
  /** Called by the thread that reads the port: must not wait. */
  void pushed(Push push);
}
