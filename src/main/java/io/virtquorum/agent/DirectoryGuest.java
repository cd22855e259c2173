package io.virtquorum.agent;

import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A guest without a VM, for tests and simulation: programs are processes of this machine, files are
 * its files. Relative paths, and the programs' working directory, start at the given directory;
 * absolute paths are this machine's own, so nothing is confined.
 *
 * <p>Unlike a real agent it kills a program whose deadline passed, and {@link #close} kills what
 * still runs. Safe for use by many threads.
 */
public final class DirectoryGuest implements GuestAgent {
  private final Path directory;
  private final Set<Process> running = ConcurrentHashMap.newKeySet();
  private final Executor drains = Thread::startVirtualThread;
  private volatile String bootId;
  private volatile Guest.State state = Guest.State.ANSWERING;
  private volatile long answered = System.nanoTime();

  /**
   * @param directory exists; stays the caller's to delete
   * @param bootId what {@link #bootId} says until {@link #reboot}
   */
  public DirectoryGuest(Path directory, String bootId) {
    this.directory = directory.toAbsolutePath();
    this.bootId = bootId;
  }

  /** Kills what runs (those calls end with {@code Rebooted}) and takes a new boot id. */
  public void reboot(String newBootId) {
    bootId = newBootId;
    running.forEach(DirectoryGuest::kill);
  }

  /**
   * From now on calls succeed only in {@link Guest.State#ANSWERING}; otherwise they fail at once.
   */
  public void become(Guest.State newState) {
    state = newState;
  }

  @Override
  public Result run(Exec exec) throws GuestException {
    answering();
    String boot = bootId;
    long end = System.nanoTime() + exec.deadline().toNanos();
    Process process = start(exec);
    running.add(process);
    if (!boot.equals(bootId)) {
      kill(process); // rebooted before it was in the set
    }
    try {
      var output = CompletableFuture.supplyAsync(() -> drain(process.getInputStream()), drains);
      var error = CompletableFuture.supplyAsync(() -> drain(process.getErrorStream()), drains);
      drains.execute(() -> feed(process, exec.input()));
      // Output ends only when every child that holds the pipe ended, as with the guest agent.
      byte[] out = output.get(left(end), TimeUnit.NANOSECONDS);
      byte[] err = error.get(left(end), TimeUnit.NANOSECONDS);
      if (!process.waitFor(left(end), TimeUnit.NANOSECONDS)) {
        throw new TimeoutException();
      }
      if (!boot.equals(bootId)) {
        throw new GuestException.Rebooted("The guest rebooted while " + name(exec) + " ran");
      }
      answering();
      return new Result(
          process.exitValue(),
          cut(out),
          cut(err),
          out.length > MAX_OUTPUT || err.length > MAX_OUTPUT);
    } catch (TimeoutException e) {
      throw new GuestException.TimedOut(
          name(exec) + " did not end within " + exec.deadline().toMillis() + " ms");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GuestException.TimedOut("Interrupted while " + name(exec) + " ran");
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } finally {
      kill(process);
      running.remove(process);
    }
  }

  @Override
  public byte[] read(String path, int limit, Duration deadline) throws GuestException {
    answering();
    try (InputStream in = Files.newInputStream(directory.resolve(path))) {
      byte[] content = in.readNBytes(limit);
      if (in.read() >= 0) {
        throw new GuestException.Refused(path + " is larger than " + limit + " bytes");
      }
      return content;
    } catch (NoSuchFileException e) {
      throw new GuestException.Refused("There is no file " + path);
    } catch (IOException e) {
      throw new GuestException.Refused(path + " cannot be read: " + e.getMessage());
    }
  }

  @Override
  public void write(String path, byte[] content, Duration deadline) throws GuestException {
    answering();
    try {
      Files.write(directory.resolve(path), content);
    } catch (IOException e) {
      throw new GuestException.Refused(path + " cannot be written: " + e.getMessage());
    }
  }

  @Override
  public String bootId(Duration deadline) throws GuestException {
    answering();
    return bootId;
  }

  @Override
  public Guest.Presence presence() {
    if (state == Guest.State.ANSWERING) {
      answered = System.nanoTime();
    }
    return new Guest.Presence(state, Duration.ofNanos(Math.max(0, System.nanoTime() - answered)));
  }

  @Override
  public void close() {
    state = Guest.State.GONE;
    running.forEach(DirectoryGuest::kill);
  }

  private Process start(Exec exec) throws GuestException {
    var builder = new ProcessBuilder(exec.command()).directory(directory.toFile());
    builder.environment().putAll(exec.environment());
    try {
      return builder.start();
    } catch (IOException e) {
      throw new GuestException.Refused(name(exec) + " cannot be started: " + e.getMessage());
    }
  }

  private void answering() throws GuestException {
    switch (state) {
      case ANSWERING -> answered = System.nanoTime();
      case SILENT -> throw new GuestException.TimedOut("The guest does not answer");
      case STARTING, GONE -> throw new GuestException.Unreachable("The guest is not there", null);
    }
  }

  private static void feed(Process process, byte[] input) {
    try (var stdin = process.getOutputStream()) {
      stdin.write(input);
    } catch (IOException ended) {
      // A program may end without reading its input: its exit code says whether that is an error.
    }
  }

  /** Reads to the end, keeping one byte more than allowed as the sign that some was lost. */
  private static byte[] drain(InputStream in) {
    try (in) {
      byte[] kept = in.readNBytes(MAX_OUTPUT + 1);
      in.transferTo(java.io.OutputStream.nullOutputStream());
      return kept;
    } catch (IOException killed) {
      return new byte[0];
    }
  }

  private static byte[] cut(byte[] kept) {
    return kept.length > MAX_OUTPUT ? Arrays.copyOf(kept, MAX_OUTPUT) : kept;
  }

  private static void kill(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  private static long left(long end) {
    return Math.max(0, end - System.nanoTime());
  }

  private static String name(Exec exec) {
    return exec.command().getFirst();
  }
}
