package io.virtquorum.agent;

import io.virtquorum.agent.AgentProtocol.Answer;
import io.virtquorum.agent.AgentProtocol.Slice;
import io.virtquorum.guest.Guest;
import io.virtquorum.guest.GuestException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A guest behind a QEMU guest agent, reached through the unix socket of its virtio channel. The
 * socket may be absent at first and may end and come back; calls wait for it up to their deadline.
 *
 * <p>Limits: {@link #largestOutput} of a program's output (the agent itself cuts at 16 MiB) and 256
 * KiB of its standard error are kept, {@link #LARGEST_INPUT} of input or file content is sent. A
 * program whose deadline passed goes on in the guest. Figures: measured with qemu-ga 7.2; the
 * protocol is QEMU's qga/qapi-schema.json.
 *
 * <p>Safe for use by many threads; requests are sent one at a time, and programs run side by side.
 */
public final class QemuGuestAgent implements GuestAgent {
  /** Most bytes of a program's input or of a file's new content; more is refused. */
  public static final int LARGEST_INPUT = 8 * 1024 * 1024;

  private static final int MOST_OUTPUT = 8 * 1024 * 1024;
  private static final int HEAP_SHARE = 8; // keeping n bytes takes 2n for a moment
  private static final String USUAL_PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  private static final int CHUNK = 128 * 1024; // 64 to 256 KiB is the agent's fast range
  private static final Duration FIRST_POLL = Duration.ofMillis(5);
  private static final Duration LAST_POLL = Duration.ofMillis(100);
  private static final Duration CLOSE_FILE = Duration.ofSeconds(5);

  private final AgentLink link;
  private final int largestOutput =
      (int) Math.min(MOST_OUTPUT, Runtime.getRuntime().maxMemory() / HEAP_SHARE);
  private volatile Environment environment = new Environment(AgentRequest.ANY_BOOT, List.of());

  /** The variables of the agent itself, in one boot of the guest. */
  private record Environment(int boot, List<String> variables) {}

  /**
   * Starts to connect, and keeps at it until {@link #close}.
   *
   * @param socket path of the unix socket; at most 107 bytes (the kernel's limit)
   */
  public QemuGuestAgent(Path socket) {
    this(socket, AgentTiming.standard());
  }

  /** As the other, with waits of one's own. */
  public QemuGuestAgent(Path socket, AgentTiming timing) {
    this.link = new AgentLink(socket, timing);
  }

  /**
   * Most bytes kept of a program's standard output; the rest counts as truncated: 8 MiB, or an
   * eighth of the heap if that is less.
   */
  public int largestOutput() {
    return largestOutput;
  }

  @Override
  public Result run(Exec exec) throws GuestException {
    long end = System.nanoTime() + exec.deadline().toNanos();
    String program = exec.command().getFirst();
    int boot = link.boot();
    var started = link.ask(new AgentRequest("guest-exec", arguments(exec, end), 0, end, boot));
    if (started.fault().isPresent()) {
      throw AgentRefusal.of("guest-exec", program, started.fault().get());
    }
    long pid = started.number("pid", 0);
    long pause = FIRST_POLL.toNanos();
    boolean reaped = false;
    try {
      while (true) {
        var status = status(pid, program, end, boot);
        if (status != null && status.fault().isPresent()) {
          reaped = true;
          throw new GuestException.TimedOut(
              "The guest agent was restarted while "
                  + program
                  + " ran and knows no more of it; whether it ended is unknown");
        }
        if (status != null && status.flag("exited")) {
          reaped = true;
          return result(status);
        }
        long left = end - System.nanoTime();
        if (left <= 0) {
          throw tooLong(program, exec.deadline());
        }
        sleep(Math.min(pause, left), program);
        pause = Math.min(pause * 2, LAST_POLL.toNanos());
      }
    } finally {
      if (!reaped && boot == link.boot()) {
        link.leftovers().add(pid);
      }
    }
  }

  @Override
  public byte[] read(String path, int limit, Duration deadline) throws GuestException {
    long end = System.nanoTime() + deadline.toNanos();
    try (var file = open(path, "r", end)) {
      var content = new Chunks(limit);
      boolean over = false;
      while (!over) {
        var answer = file.ask("guest-file-read", Map.of("count", CHUNK));
        byte[] chunk = answer.bytes("buf-b64").take();
        content.write(chunk, 0, chunk.length);
        if (content.isCut()) {
          throw new GuestException.Refused(path + " is larger than " + limit + " bytes");
        }
        over = answer.flag("eof") || chunk.length == 0;
      }
      return content.take();
    }
  }

  @Override
  public void write(String path, byte[] content, Duration deadline) throws GuestException {
    long end = System.nanoTime() + deadline.toNanos();
    if (content.length > LARGEST_INPUT) {
      throw new GuestException.Refused(
          path + " cannot take more than " + LARGEST_INPUT + " bytes through the guest agent");
    }
    try (var file = open(path, "w", end)) {
      int done = 0;
      while (done < content.length) {
        var part = new Slice(content, done, Math.min(CHUNK, content.length - done));
        long count = file.ask("guest-file-write", Map.of("buf-b64", part)).number("count", 0);
        if (count <= 0) {
          throw new GuestException.Refused(path + " takes no more bytes: is its disk full?");
        }
        done += Math.toIntExact(count);
      }
      file.finish();
    }
  }

  @Override
  public String bootId(Duration deadline) throws GuestException {
    return new String(read(BootWatch.PATH, 4096, deadline), StandardCharsets.US_ASCII).strip();
  }

  /** Before the first answer the age counts from the making of this object. */
  @Override
  public Guest.Presence presence() {
    return link.presence();
  }

  @Override
  public void close() {
    link.close();
  }

  private Map<String, Object> arguments(Exec exec, long end) throws GuestException {
    var arguments = new HashMap<String, Object>();
    arguments.put("path", exec.command().getFirst());
    arguments.put("arg", exec.command().subList(1, exec.command().size()));
    arguments.put("capture-output", true);
    if (exec.input().length > LARGEST_INPUT) {
      throw new GuestException.Refused(
          "A program in the guest cannot be given more than " + LARGEST_INPUT + " bytes of input");
    }
    if (exec.input().length > 0) {
      arguments.put("input-data", exec.input());
    }
    if (!exec.environment().isEmpty()) {
      // The agent takes a list that replaces its own, and the last of a name does not always win.
      var names = exec.environment().keySet();
      var all = new ArrayList<String>();
      for (String own : agentEnvironment(end)) {
        if (!names.contains(own.substring(0, Math.max(0, own.indexOf('='))))) {
          all.add(own);
        }
      }
      exec.environment().forEach((name, value) -> all.add(name + "=" + value));
      arguments.put("env", all);
    }
    return arguments;
  }

  private List<String> agentEnvironment(long end) throws GuestException {
    int boot = link.boot();
    var known = environment;
    if (known.boot() != boot) {
      var left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
      try {
        var text = new String(read("/proc/self/environ", 256 * 1024, left), StandardCharsets.UTF_8);
        known = new Environment(boot, List.of(text.split("\0")));
      } catch (GuestException.Refused confined) {
        known = new Environment(boot, List.of(USUAL_PATH));
      }
      environment = known;
    }
    return known.variables();
  }

  /** Null when this one question was not answered in time; the program's deadline decides. */
  private Answer status(long pid, String program, long end, int boot) throws GuestException {
    try {
      var question =
          new AgentRequest("guest-exec-status", Map.of("pid", pid), largestOutput, end, boot);
      return link.ask(question);
    } catch (GuestException.TimedOut late) {
      return null;
    } catch (GuestException.Unreachable gone) {
      if (end - System.nanoTime() <= 0) {
        return null; // the caller's own deadline says it better
      }
      throw new GuestException.Unreachable(
          "The guest went away while " + program + " ran; whether it ended is unknown", gone);
    }
  }

  private static Result result(Answer status) {
    int exit = Math.toIntExact(status.number("exitcode", 128 + status.number("signal", 0)));
    var output = status.bytes("out-data");
    var error = status.bytes("err-data");
    boolean cut =
        output.isCut()
            || error.isCut()
            || status.flag("out-truncated")
            || status.flag("err-truncated");
    return new Result(exit, output.take(), error.take(), cut);
  }

  private OpenFile open(String path, String mode, long end) throws GuestException {
    int boot = link.boot();
    var opened =
        link.ask(
            new AgentRequest("guest-file-open", Map.of("path", path, "mode", mode), 0, end, boot));
    if (opened.fault().isPresent()) {
      throw AgentRefusal.of("guest-file-open", path, opened.fault().get());
    }
    return new OpenFile(path, opened.number(AgentProtocol.PLAIN, 0), end, boot);
  }

  private static GuestException.TimedOut tooLong(String program, Duration deadline) {
    return new GuestException.TimedOut(
        program + " did not end within " + deadline.toMillis() + " ms and may still run");
  }

  private static void sleep(long nanos, String program) throws GuestException {
    try {
      TimeUnit.NANOSECONDS.sleep(nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GuestException.TimedOut("Interrupted while " + program + " ran in the guest");
    }
  }

  /** A handle in the agent, closed in any case. */
  private final class OpenFile implements AutoCloseable {
    private final String path;
    private final long handle;
    private final long end;
    private final int boot;
    private boolean closed;

    OpenFile(String path, long handle, long end, int boot) {
      this.path = path;
      this.handle = handle;
      this.end = end;
      this.boot = boot;
    }

    Answer ask(String command, Map<String, Object> more) throws GuestException {
      var arguments = new HashMap<>(more);
      arguments.put("handle", handle);
      var answer = link.ask(new AgentRequest(command, arguments, CHUNK, end, boot));
      if (answer.fault().isPresent()) {
        throw AgentRefusal.of(command, path, answer.fault().get());
      }
      return answer;
    }

    /** Closes and reports it: the agent's own buffer is written only now. */
    void finish() throws GuestException {
      closed = true;
      var unused = ask("guest-file-close", Map.of());
    }

    @Override
    public void close() {
      if (!closed) {
        link.tell(
            new AgentRequest(
                "guest-file-close",
                Map.of("handle", handle),
                0,
                System.nanoTime() + CLOSE_FILE.toNanos(),
                boot));
      }
    }
  }
}
