package io.virtquorum.collect;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.time.Duration;

/** A guest in whose way something comes. */
public final class TamperedGuest implements Guest {
  private final Guest guest;
  private final Tampering tampering;

  /** Runs a program, or not, or otherwise. */
  public interface Tampering {
    Result run(Guest guest, Exec exec) throws GuestException;
  }

  public TamperedGuest(Guest guest, Tampering tampering) {
    this.guest = guest;
    this.tampering = tampering;
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
  public Presence presence() {
    return guest.presence();
  }

  @Override
  public void close() {
    guest.close();
  }
}
