package io.virtquorum.program;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A tree on a file system of its own, as a data disk of a guest. */
public final class ScratchTree implements AutoCloseable {
  /** Where it is mounted. */
  public final Path path;

  private ScratchTree(Path path) {
    this.path = path;
  }

  /** In memory: nothing rots. */
  public static ScratchTree tmpfs(Path directory) throws IOException, InterruptedException {
    Files.createDirectories(directory);
    assumeTrue(RealProgram.run("id", "-u").strip().equals("0"), "mounting needs root");
    RealProgram.run("mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "none", directory + "");
    return new ScratchTree(directory);
  }

  /** In a file of its own. */
  public static ScratchTree ext4(Path directory, String... options)
      throws IOException, InterruptedException {
    return ext4(directory, 64, options);
  }

  /** In a file of its own of so many megabytes. */
  public static ScratchTree ext4(Path directory, int megabytes, String... options)
      throws IOException, InterruptedException {
    Files.createDirectories(directory);
    assumeTrue(RealProgram.run("id", "-u").strip().equals("0"), "mounting needs root");
    Path image = directory.resolveSibling(directory.getFileName() + ".image");
    RealProgram.run("truncate", "-s", megabytes + "M", image + "");
    List<String> make = new ArrayList<>(List.of("mkfs.ext4", "-q", image + ""));
    make.addAll(1, List.of(options));
    RealProgram.run(make.toArray(String[]::new));
    RealProgram.run("mount", "-o", "loop", image + "", directory + "");
    return new ScratchTree(directory);
  }

  /** Writes a file, with the directories above it. */
  public void write(String name, String content) throws IOException {
    Path file = path.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
  }

  /**
   * On a disk that is full but for what lies before a file of 100 KB or more: whatever comes later
   * goes there, and {@link #cutOff} takes nothing but this file.
   *
   * @param earlier what is there before
   */
  static ScratchTree fullBehind(Path directory, String earlier, String name, String content)
      throws IOException, InterruptedException {
    ScratchTree tree = ext4(directory, "-b", "4096", "-O", "^has_journal");
    RealProgram.run("rmdir", tree.path.resolve("lost+found") + "");
    tree.write(earlier, earlier);
    tree.fill("dd if=/dev/zero of=before.tmp bs=1M count=16");
    tree.write(name, content);
    tree.fill("! dd if=/dev/zero of=behind.tmp bs=64k");
    tree.fill("! dd if=/dev/zero of=behind.tmp bs=4k oflag=append conv=notrunc");
    Files.delete(tree.path.resolve("before.tmp"));
    RealProgram.run("sync", "-f", tree.path + "");
    return tree;
  }

  private void fill(String command) throws IOException, InterruptedException {
    String synced = "cd $0; sync -f .; " + command + " status=none 2>/dev/null; sync -f .";
    RealProgram.run("sh", "-ec", synced, path + "");
  }

  /** Changes a byte of a content in the image, behind the file system's back. */
  void rot(String content) throws IOException, InterruptedException {
    int at = find(content);
    try (var file = new java.io.RandomAccessFile(image().toFile(), "rws")) {
      file.seek(at + 7L);
      file.write('#');
    }
  }

  /** Lets the disk end where a content begins: that cannot be read any more, nor what is behind. */
  void cutOff(String content) throws IOException, InterruptedException {
    int at = find(content);
    RealProgram.run("truncate", "-s", at + "", image() + "");
  }

  /** Lets the disk lose all that it holds: nothing of it can be read any more. */
  void loseAll() throws IOException, InterruptedException {
    RealProgram.run("truncate", "-s", "0", image() + "");
  }

  private Path image() {
    return path.resolveSibling(path.getFileName() + ".image");
  }

  private int find(String content) throws IOException, InterruptedException {
    RealProgram.run("sync", "-f", path + "");
    byte[] disk = Files.readAllBytes(image());
    byte[] wanted = content.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    int at = 0;
    while (!java.util.Arrays.equals(disk, at, at + wanted.length, wanted, 0, wanted.length)) {
      at += 1024; // a block
    }
    return at;
  }

  /** What a file holds. */
  public String read(String name) throws IOException {
    return Files.readString(path.resolve(name));
  }

  @Override
  public void close() throws IOException, InterruptedException {
    RealProgram.run("umount", "-l", path + "");
  }
}
