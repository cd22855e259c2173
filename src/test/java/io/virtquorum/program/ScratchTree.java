package io.virtquorum.program;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

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
  public static ScratchTree ext4(Path directory) throws IOException, InterruptedException {
    Files.createDirectories(directory);
    assumeTrue(RealProgram.run("id", "-u").strip().equals("0"), "mounting needs root");
    Path image = directory.resolveSibling(directory.getFileName() + ".image");
    RealProgram.run("truncate", "-s", "64M", image + "");
    RealProgram.run("mkfs.ext4", "-q", image + "");
    RealProgram.run("mount", "-o", "loop", image + "", directory + "");
    return new ScratchTree(directory);
  }

  /** Writes a file, with the directories above it. */
  public void write(String name, String content) throws IOException {
    Path file = path.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
  }

  /** Changes a byte of a content in the image, behind the file system's back. */
  void rot(String content) throws IOException, InterruptedException {
    RealProgram.run("sync", "-f", path + "");
    Path image = path.resolveSibling(path.getFileName() + ".image");
    byte[] disk = Files.readAllBytes(image);
    byte[] wanted = content.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    int at = 0;
    while (!java.util.Arrays.equals(disk, at, at + wanted.length, wanted, 0, wanted.length)) {
      at += 1024; // a block
    }
    try (var file = new java.io.RandomAccessFile(image.toFile(), "rws")) {
      file.seek(at + 7L);
      file.write('#');
    }
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
