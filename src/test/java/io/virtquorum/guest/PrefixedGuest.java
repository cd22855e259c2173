package io.virtquorum.guest;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A guest whose programs are run by another one: in a namespace, or as another user.
 *
 * @param prefix goes before each command
 */
public record PrefixedGuest(Guest inner, List<String> prefix) implements Guest {
  @Override
  public Result run(Exec exec) throws GuestException {
    var command = new ArrayList<>(prefix);
    command.addAll(exec.command());
    return inner.run(
        new Exec(List.copyOf(command), exec.input(), exec.environment(), exec.deadline()));
  }

  @Override
  public byte[] read(String path, int limit, Duration deadline) throws GuestException {
    return inner.read(path, limit, deadline);
  }

  @Override
  public void write(String path, byte[] content, Duration deadline) throws GuestException {
    inner.write(path, content, deadline);
  }

  @Override
  public String bootId(Duration deadline) throws GuestException {
    return inner.bootId(deadline);
  }

  @Override
  public Presence presence() {
    return inner.presence();
  }

  @Override
  public void close() {
    // the machine's
  }
}
