package io.virtquorum.agent;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A guest in whose way something comes. */
public final class TamperedGuest implements GuestAgent {
  private final GuestAgent guest;
  private final Tampering tampering;

  /** Runs a program, or not, or otherwise. */
  public interface Tampering {
    Result run(GuestAgent guest, Exec exec) throws GuestException;
  }

  public TamperedGuest(GuestAgent guest, Tampering tampering) {
    this.guest = guest;
    this.tampering = tampering;
  }

  /**
   * Its programs are run by another one, in a namespace or as another user: by what goes before.
   */
  public static TamperedGuest prefixed(GuestAgent guest, List<String> prefix) {
    return new TamperedGuest(
        guest,
        (inner, exec) -> {
          var command = new ArrayList<>(prefix);
          command.addAll(exec.command());
          return inner.run(
              new Exec(List.copyOf(command), exec.input(), exec.environment(), exec.deadline()));
        });
  }

  @Override
  public Result run(Exec exec) throws GuestException {
    return tampering.run(guest, exec);
  }

  @Override
  public byte[] read(String path, int limit, Duration deadline) throws GuestException {
    return guest.read(path, limit, deadline);
  }

  @Override
  public void write(String path, byte[] content, Duration deadline) throws GuestException {
    guest.write(path, content, deadline);
  }

  @Override
  public String bootId(Duration deadline) throws GuestException {
    return guest.bootId(deadline);
  }

  @Override
  public Guest.Presence presence() {
    return guest.presence();
  }

  @Override
  public void close() {
    guest.close();
  }
}
