package io.virtquorum.program;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.virtquorum.guest.GuestException;
import io.virtquorum.guest.Trouble;
import io.virtquorum.guest.WatchSettings;
import io.virtquorum.guest.wire.v1.Answer;
import io.virtquorum.guest.wire.v1.ArchiveLimits;
import io.virtquorum.guest.wire.v1.Bandwidth;
import io.virtquorum.guest.wire.v1.Body;
import io.virtquorum.guest.wire.v1.Configure;
import io.virtquorum.guest.wire.v1.Reason;
import io.virtquorum.guest.wire.v1.Request;
import io.virtquorum.guest.wire.v1.Tree;
import io.virtquorum.port.Call;
import io.virtquorum.port.Frame;
import io.virtquorum.port.Limit;
import io.virtquorum.port.RefusedException;
import io.virtquorum.port.Session;
import io.virtquorum.port.Sessions;
import io.virtquorum.port.Time;
import java.util.List;

/**
 * The guest program as one watch has it: configured anew in each session before anything else is
 * asked in it. For one thread.
 */
final class Program {
  /** Of what is around a configuration in a frame. */
  private static final int OVERHEAD = 1024;

  private final Sessions sessions;
  private final Time time;
  private final Configure wanted;
  private Session configured;

  Program(Sessions sessions, Time time, Configure wanted) {
    this.sessions = sessions;
    this.time = time;
    this.wanted = wanted;
  }

  /** By which all that is asked is limited. */
  Time time() {
    return time;
  }

  /** What the watch wants. */
  Configure wanted() {
    return wanted;
  }

  /** The kernel's random id of the guest's boot. */
  String bootId(Limit limit) throws GuestException {
    return sessions.session(limit).welcome().getBootId();
  }

  /** A session, which may not be configured: for what the program says of itself. */
  Session connected(Limit limit) throws GuestException {
    return sessions.session(limit);
  }

  /**
   * The session in which everything is asked from now on, configured.
   *
   * @throws Trouble if the program cannot work with the configuration
   */
  Session session(Limit limit) throws GuestException, Trouble {
    Session session = sessions.session(limit);
    if (session == configured) {
      return session;
    }
    try (Call call =
        session.ask(
            Request.newBuilder().setConfigure(wanted), "its configuration", List.of(), limit)) {
      call.only(limit);
    } catch (RefusedException refused) {
      throw Refusals.trouble(refused);
    }
    configured = session;
    return session;
  }

  /**
   * Asks for something with one answer. Where the session had ended before the program took the
   * request, it is asked once more in the next one.
   *
   * @param what is asked, for people
   */
  Answer ask(Request.Builder request, String what, Limit limit)
      throws GuestException, Trouble, RefusedException {
    return ask(request, what, List.of(), limit);
  }

  Answer ask(Request.Builder request, String what, List<Body.Builder> body, Limit limit)
      throws GuestException, Trouble, RefusedException {
    try {
      return once(request, what, body, limit);
    } catch (RefusedException refused) {
      if (refused.reason() != Reason.REASON_NOT_IN_SESSION
          && refused.reason() != Reason.REASON_NOT_CONFIGURED) {
        throw refused;
      }
      if (refused.reason() == Reason.REASON_NOT_IN_SESSION && configured != null) {
        configured.abandon(refused.getMessage());
      }
      configured = null;
      return once(request, what, body, limit); // nothing of it was done
    }
  }

  /** As {@link #ask}, where every refusal is a trouble. */
  Answer demand(Request.Builder request, String what, Limit limit) throws GuestException, Trouble {
    try {
      return ask(request, what, limit);
    } catch (RefusedException refused) {
      throw Refusals.trouble(refused);
    }
  }

  private Answer once(Request.Builder request, String what, List<Body.Builder> body, Limit limit)
      throws GuestException, Trouble, RefusedException {
    try (Call call = session(limit).ask(request, what, body, limit)) {
      return call.only(limit);
    }
  }

  /**
   * Asks for something with an answer of many pieces, or that goes on.
   *
   * @return to be closed
   */
  Call begin(Request.Builder request, String what, List<Body.Builder> body, Limit limit)
      throws GuestException, Trouble {
    return session(limit).ask(request, what, body, limit);
  }

  /**
   * The configuration of a watch: equal for equal settings, so that a new session goes on with what
   * the program has open.
   *
   * @throws IllegalArgumentException with a sentence, if the program could not work with it
   */
  static Configure configuration(WatchSettings settings) {
    if (settings.trees().isEmpty()) {
      throw new IllegalArgumentException("There is no file tree to watch");
    }
    Configure configure =
        Configure.newBuilder()
            .setKey(ByteString.copyFrom(settings.key().secret()))
            // A cluster's memories are told from another's by its key, which no other has.
            .setCluster(settings.key().fingerprint(List.of("the cluster of a memory")).hex())
            .setMember(settings.member())
            .addAllTrees(settings.trees().stream().map(Program::tree).toList())
            .setArchive(
                ArchiveLimits.newBuilder()
                    .setEntries(settings.archive().entries())
                    .setBytes(settings.archive().bytes()))
            .setBandwidth(Bandwidth.newBuilder().setAudit(settings.auditBytesPerSecond()))
            .setReadOnly(settings.readOnly())
            .addAllAccessPorts(settings.accessPorts())
            .addAllProbes(settings.probes().stream().sorted().toList())
            .build();
    if (configure.getSerializedSize() > Frame.MOST_PAYLOAD - OVERHEAD) {
      throw new IllegalArgumentException(
          "The file trees with what they exclude are more than the guest program takes, "
              + Frame.MOST_PAYLOAD
              + " bytes; exclude less");
    }
    return configure;
  }

  private static Tree tree(io.virtquorum.guest.Tree tree) {
    return Tree.newBuilder()
        .setName(tree.name())
        .setPath(ByteString.copyFrom(tree.path(), UTF_8))
        .addAllExclude(tree.excludes())
        .setStill(tree.canQuiesce())
        .build();
  }
}
