package io.virtquorum.sync;

import io.virtquorum.agent.TamperedGuest;
import io.virtquorum.collect.Member;
import io.virtquorum.collect.Shell;
import io.virtquorum.fingerprint.Position;
import io.virtquorum.guest.ArchiveLimits;
import io.virtquorum.guest.Goal;
import io.virtquorum.guest.Offer;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A member to be repaired, and one to repair it from by a real rsync daemon on the loopback. */
abstract class TwoMembers {
  static final String HERE = "127.0.0.1";
  static final Goal WHOLE = new Goal.Whole(new Position(1, 1));
  static final ArchiveLimits ROOMY = new ArchiveLimits(20, 1L << 30);

  @TempDir Path directory;
  Member sample;
  Member member;
  SampleServer server;

  @BeforeEach
  void openMembers() throws Exception {
    sample = new Member(directory.resolve("sample"));
    member = new Member(directory.resolve("member"));
    server = new SampleServer(sample.files().shell(), sample.trees);
  }

  @AfterEach
  void closeMembers() {
    server.close();
    sample.close();
    member.close();
  }

  /** What the sample holds now, for five minutes. */
  Offer offer() throws Exception {
    var serving = server.start("1", HERE, HERE, Duration.ofMinutes(5), Member.LIMIT);
    return Offer.of(serving, sample.quick().matrix());
  }

  /** The member's guest, with something in its way. */
  Shell tampered(TamperedGuest.Tampering tampering) {
    return new Shell(
        new TamperedGuest(member.guest, tampering), member.home.resolve("run").toString());
  }
}
