package io.virtquorum.sidecar;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import kubevirt.hooks.info.HookPoint;
import kubevirt.hooks.info.InfoGrpc;
import kubevirt.hooks.info.InfoParams;
import kubevirt.hooks.v1alpha3.CallbacksGrpc;
import kubevirt.hooks.v1alpha3.OnDefineDomainParams;
import kubevirt.hooks.v1alpha3.PreCloudInitIsoParams;
import kubevirt.hooks.v1alpha3.PreCloudInitIsoResult;
import kubevirt.hooks.v1alpha3.ShutdownParams;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** The hook server and what stands behind it, asked over a real unix socket as KubeVirt asks. */
@Timeout(60)
final class SidecarHookTest {
  private static final String VMI =
      """
      {"metadata":{"namespace":"shop","name":"web-0","uid":"u-1","annotations":{
       "hooks.kubevirt.io/hookSidecars":
       "[{\\"image\\":\\"x\\",\\"args\\":[\\"--cluster\\",\\"web\\"]},{\\"image\\":\\"y\\",\\"args\\":[\\"sidecar\\",\\"--cluster\\",\\"web\\"]}]"}}}
      """;
  @TempDir Path hooks;
  private final EpollEventLoopGroup loop = new EpollEventLoopGroup(1);
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Identity> begun = new CopyOnWriteArrayList<>();
  private StateDirectory state;

  @BeforeEach
  void makeState() throws IOException {
    state = new StateDirectory(hooks);
  }

  @AfterEach
  void endThreads() {
    executor.close();
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  @Test
  void givenAServerThatStartedThenOneSocketAndNothingElseIsAPlainFile() throws Exception {
    try (var server = serve(sidecar(Optional.empty()));
        var files = Files.list(hooks)) {
      assertThat(server.socket()).isEqualTo(hooks.resolve("virtquorum.sock"));
      assertThat(files.filter(file -> !Files.isDirectory(file))).containsExactly(server.socket());
    }
    assertThat(hooks.resolve("virtquorum.sock")).doesNotExist();
  }

  @Test
  void givenTheSocketWhenAskedForInfoThenItAnswersWithinKubeVirtsSecond() throws Exception {
    try (var server = serve(sidecar(Optional.empty()));
        var client = new Client(server.socket())) {
      var info =
          InfoGrpc.newBlockingStub(client.channel)
              .withDeadlineAfter(1, TimeUnit.SECONDS)
              .info(InfoParams.getDefaultInstance());
      assertThat(info.getVersionsList()).containsExactly("v1alpha3");
      assertThat(info.getHookPointsList())
          .extracting(HookPoint::getName)
          .containsExactly("OnDefineDomain", "Shutdown");
    }
  }

  @Test
  void givenADomainWhenDefinedTwiceThenTheChannelIsThereOnceAndTheWorkBeginsOnce()
      throws Exception {
    try (var server = serve(sidecar(Optional.of("hook-sidecar-4")));
        var client = new Client(server.socket())) {
      String once = client.define(DomainXmlTest.domain(), VMI);
      assertThat(once).containsOnlyOnce("path='/var/run/kubevirt-hooks/hook-sidecar-4/agent.sock'");
      assertThat(client.define(once, VMI)).isEqualTo(once);
      await().atMost(Duration.ofSeconds(10)).until(() -> !begun.isEmpty());
      assertThat(begun).containsExactly(new Identity("shop", "web-0", "u-1"));
    }
  }

  @Test
  void givenAKubeVirtThatDoesNotNameTheContainerThenItsPlaceInTheAnnotationCounts()
      throws Exception {
    try (var server = serve(sidecar(Optional.empty()));
        var client = new Client(server.socket())) {
      assertThat(client.define(DomainXmlTest.domain(), VMI)).contains("/hook-sidecar-1/agent.sock");
    }
  }

  @Test
  void givenInputThatCannotBeReadThenTheVmStartsWithItsDomainAsItWas() throws Exception {
    try (var server = serve(sidecar(Optional.empty()));
        var client = new Client(server.socket())) {
      String domain = DomainXmlTest.domain();
      assertThat(client.define(domain, "no json")).isEqualTo(domain);
      assertThat(client.define(domain, "{\"metadata\":{}}")).isEqualTo(domain);
      assertThat(client.define(domain, VMI.replace("sidecar\\\"", "other\\\""))).isEqualTo(domain);
      assertThat(client.define("<domain/>", VMI)).isEqualTo("<domain/>");
      assertThat(begun).isEmpty();
    }
  }

  @Test
  void givenACloudInitSourceWhenAskedAllTheSameThenItComesBackAsItWas() throws Exception {
    try (var server = serve(sidecar(Optional.empty()));
        var client = new Client(server.socket())) {
      var result =
          client
              .callbacks()
              .preCloudInitIso(
                  PreCloudInitIsoParams.newBuilder()
                      .setCloudInitData(ByteString.copyFromUtf8("{\"a\":1}"))
                      .setCloudInitNoCloudSource(ByteString.copyFromUtf8("{}"))
                      .build());
      assertThat(result.getCloudInitData().toStringUtf8()).isEqualTo("{\"a\":1}");
      assertThat(result.getCloudInitNoCloudSource().toStringUtf8()).isEqualTo("{}");
    }
  }

  @Test
  void givenTheDiskWhenAskedForInfoThenCloudInitIsOfferedAndTheImageIsThereBeforeTheSocket()
      throws Exception {
    Path programs = carried("a disk");
    var disk = GuestDisk.prepare(programs, state.path());
    assertThat(state.path().resolve("guest.disk")).hasContent("a disk");
    assertThat(hooks.resolve("virtquorum.sock")).doesNotExist();
    try (var server = serve(sidecar(Optional.empty(), disk));
        var client = new Client(server.socket());
        var files = Files.list(hooks)) {
      var info =
          InfoGrpc.newBlockingStub(client.channel)
              .withDeadlineAfter(1, TimeUnit.SECONDS)
              .info(InfoParams.getDefaultInstance());
      assertThat(info.getHookPointsList())
          .extracting(HookPoint::getName)
          .containsExactly("OnDefineDomain", "Shutdown", "PreCloudInitIso");
      assertThat(files.filter(file -> !Files.isDirectory(file))).containsExactly(server.socket());
    }
  }

  @Test
  void givenTwoPodsOfOneImageThenTheDiskHasTheSameBytesAtTheSamePath() throws Exception {
    Path programs = carried("the same");
    GuestDisk.prepare(programs, state.path());
    StateDirectory target = new StateDirectory(hooks.resolve("pod-2"));
    GuestDisk.prepare(programs, target.path());
    GuestDisk.prepare(programs, target.path()); // its second life
    assertThat(target.path().resolve("guest.disk"))
        .hasSameBinaryContentAs(state.path().resolve("guest.disk"));
    try (var left = Files.list(target.path())) {
      assertThat(left).hasSize(1);
    }
  }

  @Test
  void givenAnImageWithoutADiskThenCloudInitIsNotOffered() throws Exception {
    assertThat(GuestDisk.prepare(hooks.resolve("nowhere"), state.path())).isEmpty();
    assertThat(sidecar(Optional.empty()).usesCloudInit()).isFalse();
  }

  @Test
  void givenADomainWhenDefinedTwiceThenTheDiskIsThereOnce() throws Exception {
    var disk = GuestDisk.prepare(carried("a disk"), state.path());
    try (var server = serve(sidecar(Optional.of("hook-sidecar-4"), disk));
        var client = new Client(server.socket())) {
      String once = client.define(DomainXmlTest.domain(), VMI);
      assertThat(once)
          .containsOnlyOnce("file='/var/run/kubevirt-hooks/hook-sidecar-4/virtquorum/guest.disk'")
          .contains("agent.sock");
      assertThat(client.define(once, VMI)).isEqualTo(once);
    }
  }

  @Test
  void givenAVolumeOfOurNameWhenDefinedThenTheChannelIsAddedAndTheDiskIsNot() throws Exception {
    var disk = GuestDisk.prepare(carried("a disk"), state.path());
    String own = "<disk><target dev='vdb'/><alias name='ua-virtquorum'/></disk></devices>";
    try (var server = serve(sidecar(Optional.of("hook-sidecar-4"), disk));
        var client = new Client(server.socket())) {
      String defined = client.define("<domain><devices>" + own + "</domain>", VMI);
      assertThat(defined).contains("agent.sock").doesNotContain("guest.disk");
    }
  }

  @Test
  void givenCloudInitDataWhenAskedThenTheBoothookIsAddedAndTheRestIsAsItWas() throws Exception {
    var disk = GuestDisk.prepare(carried("a disk"), state.path());
    try (var server = serve(sidecar(Optional.empty(), disk));
        var client = new Client(server.socket())) {
      var result =
          client.cloudInit("{\"DataSource\":\"noCloud\",\"UserData\":\"#!/bin/sh\\n\",\"New\":7}");
      var data = new ObjectMapper().readTree(result.getCloudInitData().toByteArray());
      assertThat(data.path("UserData").asText())
          .contains(
              "#cloud-boothook\n#!/bin/sh\n",
              Base64.getEncoder().encodeToString("#!/bin/sh\n".getBytes(UTF_8)));
      assertThat(data.path("New").asInt()).isEqualTo(7);
      assertThat(result.getCloudInitNoCloudSource().toStringUtf8())
          .isEqualTo("{\"userData\":\"\"}");
    }
  }

  @Test
  void givenCloudInitDataThatCannotBeReadThenTheVmStartsWithItAndNothingOfItIsLogged()
      throws Exception {
    var disk = GuestDisk.prepare(carried("a disk"), state.path());
    Logger logger = (Logger) LoggerFactory.getLogger("io.virtquorum");
    var lines = new ListAppender<ILoggingEvent>();
    lines.start();
    logger.addAppender(lines);
    try (var server = serve(sidecar(Optional.empty(), disk));
        var client = new Client(server.socket())) {
      for (String broken :
          List.of(
              "hunter2",
              "[\"hunter2\"]",
              "{\"UserData\":\"hunter2",
              "null",
              "",
              "{\"UserData\":\"\\u001f\\ufffd hunter2\"}")) {
        var answer = client.cloudInit(broken);
        assertThat(answer.getCloudInitData().toStringUtf8()).isEqualTo(broken);
      }
      client.cloudInit("{\"UserData\":\"#cloud-config\\npassword: hunter2\"}");
    } finally {
      logger.detachAppender(lines);
    }
    assertThat(lines.list)
        .hasSizeGreaterThanOrEqualTo(7)
        .allSatisfy(
            line -> {
              assertThat(line.getFormattedMessage()).doesNotContain("hunter2");
              assertThat(line.getThrowableProxy()).isNull();
            });
  }

  private Path carried(String content) throws IOException {
    Path programs = Files.createDirectories(hooks.resolveSibling(hooks.getFileName() + "-carried"));
    Files.writeString(programs.resolve("virtquorum-guest.disk"), content);
    return programs;
  }

  @Test
  void givenShutdownWhenAnsweredThenTheSidecarEnds() throws Exception {
    try (var sidecar = sidecar(Optional.empty());
        var server = serve(sidecar);
        var client = new Client(server.socket())) {
      var end =
          executor.submit(
              () -> {
                sidecar.awaitEnd();
                return true;
              });
      client.callbacks().shutdown(ShutdownParams.getDefaultInstance());
      assertThat(end.get(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void givenASecondLifeBesideTheSameVmThenItGoesOnWithoutBeingTold() throws Exception {
    try (var server = serve(sidecar(Optional.of("hook-sidecar-0")));
        var client = new Client(server.socket())) {
      client.define(DomainXmlTest.domain(), VMI);
    }
    begun.clear();
    Files.createFile(hooks.resolve("virtquorum/warming.sock")); // left by a life that was killed
    Files.createFile(hooks.resolve("virtquorum.sock"));
    try (var second = sidecar(Optional.of("hook-sidecar-0"));
        var server = serve(second);
        var client = new Client(server.socket())) {
      second.resume();
      assertThat(begun).containsExactly(new Identity("shop", "web-0", "u-1"));
      assertThat(client.define(DomainXmlTest.domain(), VMI)).contains("hook-sidecar-0");
    }
  }

  @Test
  void givenWorkThatCannotBeginThenTheHookStillServes() throws Exception {
    var broken =
        new Sidecar(
            state,
            "web",
            Optional.of("hook-sidecar-0"),
            Optional.empty(),
            identity -> {
              throw new IllegalArgumentException("bad CA");
            });
    try (var server = serve(broken);
        var client = new Client(server.socket())) {
      String once = client.define(DomainXmlTest.domain(), VMI);
      assertThat(once).contains("io.virtquorum.agent.0");
      assertThat(client.define(once, VMI)).isEqualTo(once);
    }
  }

  @Test
  void givenATermWhenKeptThenTheNextLifeKnowsIt() throws Exception {
    assertThat(state.term()).isZero();
    state.term(41);
    assertThat(new StateDirectory(hooks).term()).isEqualTo(41);
    Files.writeString(state.path().resolve("term"), "garbage");
    assertThat(state.term()).isZero();
  }

  private Sidecar sidecar(Optional<String> container) {
    return sidecar(container, Optional.empty());
  }

  private Sidecar sidecar(Optional<String> container, Optional<GuestDisk> disk) {
    return new Sidecar(
        state,
        "web",
        container,
        disk,
        identity -> {
          begun.add(identity);
          return () -> {};
        });
  }

  private HookServer serve(Sidecar sidecar) throws IOException {
    return HookServer.start(hooks, state.path(), sidecar, loop, executor);
  }

  private final class Client implements AutoCloseable {
    private final ManagedChannel channel;

    Client(Path socket) {
      channel =
          NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
              .channelType(EpollDomainSocketChannel.class)
              .eventLoopGroup(loop)
              .executor(executor)
              .usePlaintext()
              .build();
    }

    CallbacksGrpc.CallbacksBlockingStub callbacks() {
      return CallbacksGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
    }

    String define(String domain, String vmi) {
      return callbacks()
          .onDefineDomain(
              OnDefineDomainParams.newBuilder()
                  .setDomainXML(ByteString.copyFrom(domain, UTF_8))
                  .setVmi(ByteString.copyFrom(vmi, UTF_8))
                  .build())
          .getDomainXML()
          .toStringUtf8();
    }

    PreCloudInitIsoResult cloudInit(String data) {
      return callbacks()
          .preCloudInitIso(
              PreCloudInitIsoParams.newBuilder()
                  .setCloudInitData(ByteString.copyFromUtf8(data))
                  .setCloudInitNoCloudSource(ByteString.copyFromUtf8("{\"userData\":\"\"}"))
                  .setVmi(ByteString.copyFromUtf8(VMI))
                  .build());
    }

    @Override
    public void close() {
      channel.shutdownNow();
    }
  }
}
