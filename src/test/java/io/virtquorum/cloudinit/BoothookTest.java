package io.virtquorum.cloudinit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.security.auth.module.UnixSystem;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The boothook as cloud-init runs it, in a root directory that has busybox and nothing else, beside
 * the disk as it is built. What it reads as a disk is a file there.
 */
@Timeout(120)
final class BoothookTest {
  private static final Path DISK = Path.of("target/guest/virtquorum-guest.disk");
  private static final Path BUSYBOX = Path.of("/usr/bin/busybox");

  @TempDir Path root;
  private Path program;
  private Path mark;
  private Path unit;

  @BeforeEach
  void makeGuest() throws Exception {
    assumeTrue(new UnixSystem().getUid() == 0, "a chroot is made by root alone");
    assumeTrue(Files.exists(DISK), DISK + " is missing: make it by tools/guest programs");
    assumeTrue(Files.exists(BUSYBOX), "the package busybox-static is missing");
    for (String directory :
        List.of(
            "bin", "dev", "etc", "proc", "run", "tmp", "usr/sbin", "var/tmp", "sys/block/vda")) {
      Files.createDirectories(root.resolve(directory));
    }
    Files.createDirectories(root.resolve("sys/block/vdb"));
    Files.copy(BUSYBOX, root.resolve("bin/busybox"));
    run("/bin/busybox", "--install", "-s", "/bin");
    assertThat(run("/bin/mknod", "-m", "666", "/dev/null", "c", "1", "3").code).isZero();
    write("sys/block/vda/serial", "somebody-else");
    write("sys/block/vdb/serial", "virtquorum-guest"); // the kernel writes no end of line
    Files.copy(DISK, root.resolve("dev/vdb"));
    write("etc/inittab", "::respawn:/usr/local/share/virtquorum-guest/virtquorum-guest-respawn\n");
    program = root.resolve("usr/local/sbin/virtquorum-guest");
    mark = root.resolve("usr/local/share/virtquorum-guest/from-cloud-init");
    unit = root.resolve("etc/systemd/system/virtquorum-guest.service");
  }

  @AfterEach
  void endWhatItStarted() {
    inGuest().forEach(ProcessHandle::destroyForcibly);
  }

  @Test
  void givenAGuestWithoutTheProgramWhenItBootsThenItIsInstalledOnce() throws Exception {
    Ran first = boot();
    assertThat(first.code).as(first.said).isZero();
    assertThat(first.said).contains("installed from the sidecar's disk");
    assertThat(run("/usr/local/sbin/virtquorum-guest", "version").code).isZero();
    assertThat(unit).content().contains("ExecStart=/usr/local/sbin/virtquorum-guest run");
    assertThat(root.resolve("etc/udev/rules.d/99-virtquorum-guest.rules")).exists();
    assertThat(mark).content().matches("[0-9a-f]{64}\n");
    Object inode = Files.getAttribute(unit, "unix:ino");

    Ran second = boot();
    assertThat(second.code).isZero();
    assertThat(second.said).isEmpty();
    assertThat(Files.getAttribute(unit, "unix:ino")).isEqualTo(inode);
    try (var left = Files.list(root.resolve("var/tmp"))) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void givenAPowerCutAmidTheInstallationWhenItBootsThenItIsInstalled() throws Exception {
    boot();
    Files.writeString(mark, "");
    Files.write(program, new byte[100_000]);
    Files.writeString(unit, "");
    Ran again = boot();
    assertThat(again.code).as(again.said).isZero();
    assertThat(run("/usr/local/sbin/virtquorum-guest", "version").code).isZero();
    assertThat(unit).isNotEmptyFile();
  }

  @Test
  void givenAProgramThatDoesNotRunAnyMoreWhenItBootsThenItIsInstalledAnew() throws Exception {
    boot();
    Files.write(program, new byte[100_000]);
    boot();
    assertThat(run("/usr/local/sbin/virtquorum-guest", "version").code).isZero();
  }

  /** That one is updated by the sidecar, which tries it first and can go back. */
  @Test
  void givenAnotherArchiveAndAProgramThatWorksWhenItBootsThenOnlyTheRestIsRenewed()
      throws Exception {
    boot();
    String present = "#!/bin/sh\necho 9.9.9\n";
    Files.writeString(program, present);
    Files.writeString(mark, "0".repeat(64));
    Files.writeString(unit, "old");
    Ran again = boot();
    assertThat(again.code).as(again.said).isZero();
    assertThat(program).hasContent(present);
    assertThat(unit).content().contains("ExecStart=");
    assertThat(mark).content().doesNotStartWith("0000");
  }

  @Test
  void givenAProgramThatSomebodyInstalledWhenItBootsThenNothingIsTouched() throws Exception {
    write("usr/local/sbin/virtquorum-guest", "theirs");
    assertThat(boot().code).isZero();
    assertThat(program).hasContent("theirs");
    assertThat(unit).doesNotExist();
    assertThat(mark).doesNotExist();
  }

  @Test
  void givenAPackagesProgramWhenItBootsThenNothingIsTouched() throws Exception {
    write("usr/sbin/virtquorum-guest", "the package's");
    assertThat(boot().code).isZero();
    assertThat(root.resolve("usr/local")).doesNotExist();
  }

  @Test
  void givenADamagedDiskWhenItBootsThenItSaysSoAndNothingIsInstalled() throws Exception {
    try (var disk = new RandomAccessFile(root.resolve("dev/vdb").toFile(), "rw")) {
      disk.seek(2 << 20);
      int there = disk.read();
      disk.seek(2 << 20);
      disk.write(there ^ 1);
    }
    // The other architecture's archive may be where the byte is.
    assumeTrue(System.getProperty("os.arch").equals("amd64"));
    Ran ran = boot();
    assertThat(ran.code).isNotZero();
    assertThat(ran.said).contains("damaged");
    assertThat(program).doesNotExist();
    assertThat(unit).doesNotExist();
  }

  @Test
  void givenNoSuchDiskWhenItBootsThenNothingHappens() throws Exception {
    Files.delete(root.resolve("sys/block/vdb/serial"));
    Ran ran = boot();
    assertThat(ran.code).isZero();
    assertThat(ran.said).isEmpty();
    assertThat(program).doesNotExist();
  }

  /** What systemd is to start waits for cloud-init, which would wait for that. */
  @Test
  void givenSystemdWhenItBootsThenNothingThatItStartsIsWaitedFor() throws Exception {
    Files.createDirectories(root.resolve("run/systemd/system"));
    Files.createDirectories(root.resolve("etc/systemd"));
    write("dev/virtio-ports/io.virtquorum.agent.0", "");
    write(
        "bin/systemctl",
        "#!/bin/sh\necho \"$*\" >>/asked\ncase $* in --version) echo systemd 252;; esac\n");
    Ran ran = boot();
    assertThat(ran.code).as(ran.said).isZero();
    List<String> asked = Files.readAllLines(root.resolve("asked"));
    assertThat(asked)
        .contains(
            "--no-block restart virtquorum-guest.service",
            "--no-block start virtquorum-guest.service")
        .filteredOn(line -> line.matches(".*\\b(re)?start\\b.*"))
        .allMatch(line -> line.startsWith("--no-block "));
    assertThat(
            Files.readSymbolicLink(root.resolve("etc/systemd/network/05-virtquorum-sync.network")))
        .hasToString("/usr/local/share/virtquorum-guest/05-virtquorum-sync.network");
  }

  @Test
  void givenAnInitThatDoesNotKnowItWhenItBootsThenItIsStartedAndTheBootGoesOn() throws Exception {
    Files.delete(root.resolve("etc/inittab"));
    assertThat(boot().code).isZero();
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () ->
                assertThat(inGuest())
                    .anyMatch(p -> p.info().commandLine().orElse("").contains("guest-respawn")));
  }

  /** Those whose root directory is the guest's. */
  private List<ProcessHandle> inGuest() {
    return ProcessHandle.allProcesses()
        .filter(
            process -> {
              try {
                return Files.isSameFile(Path.of("/proc/" + process.pid() + "/root"), root);
              } catch (IOException e) {
                return false; // ended meanwhile
              }
            })
        .toList();
  }

  private Ran boot() throws Exception {
    String hook = Files.readString(Path.of("src/main/resources/cloudinit/boothook.sh"));
    assertThat(hook).startsWith("#cloud-boothook\n#!");
    assertThat(hook.chars()).allMatch(c -> c < 128);
    write("var/hook", hook.substring("#cloud-boothook".length()).stripLeading());
    return run("/var/hook");
  }

  private void write(String path, String content) throws IOException {
    Path file = root.resolve(path);
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    assertThat(Files.exists(file, LinkOption.NOFOLLOW_LINKS)).isTrue();
  }

  private record Ran(int code, String said) {}

  private Ran run(String... command) throws Exception {
    var builder = new ProcessBuilder("chroot", root.toString());
    builder.command().addAll(List.of(command));
    builder.environment().put("PATH", "/usr/local/sbin:/usr/sbin:/bin:/usr/bin:/sbin");
    Process process = builder.redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return new Ran(process.exitValue(), said);
  }
}
