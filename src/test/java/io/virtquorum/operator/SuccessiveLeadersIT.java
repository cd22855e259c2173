package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.virtquorum.testing.ApiServer;
import java.io.IOException;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Operators that lead one after another: nothing is lost, and members obey the newest only. */
@ExtendWith(ApiServer.class)
@Timeout(120)
class SuccessiveLeadersIT {
  @AutoClose private Scene scene;

  @BeforeEach
  void setTheScene(KubernetesClient client) throws IOException {
    scene = new Scene(client);
    scene.committed();
  }

  @Test
  void givenALeaderThatGivesItsLeaseUpThenTheNextLeadsAtOnceWithAHigherTerm() throws IOException {
    OperatorProcess first = scene.operators().getFirst();
    OperatorProcess next = scene.operator("op-b");
    assertThat(next.leading()).isFalse();
    first.close();
    assertThat(first.failed()).isFalse();
    scene.until(next::leading);
    scene.until(() -> scene.cluster().getStatus().recorded().orElseThrow().term() == 2);
    scene.members.get("web-0").write("index.html", "under term 2");
    scene.until(() -> scene.epoch() == 2);
    scene.untilAllHold("index.html", "under term 2");
    scene.until(() -> scene.isTrue("Ready"));
    assertThat(scene.primary()).isEqualTo("web-0");
    assertThat(scene.members.get("web-1").orders().getLast().getTerm()).isEqualTo(2);
  }

  @Test
  void givenAnEditWhenTheOperatorEndsBeforeItsCommitThenTheNextOperatorCommitsIt()
      throws IOException {
    scene.members.get("web-1").obeys(false);
    scene.members.get("web-2").obeys(false);
    scene.members.get("web-0").write("index.html", "an edit nobody else has");
    scene.until(() -> scene.members.get("web-0").remembersWhatItHolds());
    scene.until(() -> scene.cluster().getStatus().exposureSince() != null);
    assertThat(scene.epoch()).isEqualTo(1);
    scene.operators().getFirst().close();
    scene.members.get("web-1").obeys(true);
    scene.members.get("web-2").obeys(true);
    scene.leader("op-b");
    scene.until(() -> scene.epoch() == 2);
    scene.untilAllHold("index.html", "an edit nobody else has");
    scene.until(() -> scene.isTrue("Ready"));
    assertThat(scene.primary()).isEqualTo("web-0");
  }

  /** One that led for a moment gave an order and died before it wrote the record. */
  @Test
  void givenMembersThatHeardANewerTermThenTheLeaderLeadsAnewAndIsObeyed() {
    scene.members.values().forEach(member -> member.hears(2));
    scene.members.get("web-0").write("index.html", "nobody obeys term 1");
    scene.until(() -> scene.cluster().getStatus().recorded().orElseThrow().term() == 3);
    scene.until(() -> scene.epoch() == 2);
    scene.untilAllHold("index.html", "nobody obeys term 1");
    scene.until(() -> scene.isTrue("Ready"));
    assertThat(scene.primary()).isEqualTo("web-0");
    assertThat(scene.members.get("web-2").orders().getLast().getTerm()).isEqualTo(3);
  }

  /** As after an etcd restore: the record is from before many leaders that members obeyed. */
  @Test
  void givenMembersThatHeardTermsFarAboveTheRecordThenTheNextLeaderIsAboveThemAndIsObeyed() {
    scene.members.get("web-0").hears(40);
    scene.members.get("web-1").hears(41);
    scene.members.get("web-2").hears(39);
    scene.members.get("web-0").write("index.html", "nobody obeys term 1");
    scene.until(() -> scene.cluster().getStatus().recorded().orElseThrow().term() == 42);
    scene.until(() -> scene.epoch() == 2);
    scene.untilAllHold("index.html", "nobody obeys term 1");
    assertThat(scene.primary()).isEqualTo("web-0");
    assertThat(scene.members.get("web-1").orders().getLast().getTerm()).isEqualTo(42);
  }
}
