package io.virtquorum.port;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

final class FrameTest {
  /** What the guest program's own tests read, too. */
  private static final Path VECTORS = Path.of("guest/internal/port/testdata/frames.txt");

  @Test
  void givenTheVectorsThatTheGuestProgramSharesThenTheSameFramesAreInThem() throws IOException {
    List<String> lines =
        Files.readAllLines(VECTORS).stream().filter(line -> !line.startsWith("#")).toList();
    assertThat(lines).hasSizeGreaterThan(15);
    for (String line : lines) {
      String[] fields = line.split(" ");
      byte[] stream = HexFormat.of().parseHex(fields[1]);
      List<byte[]> wanted =
          Arrays.stream(fields)
              .skip(2)
              .map(field -> HexFormat.of().parseHex(field.equals("-") ? "" : field))
              .toList();
      assertThat(frames(stream)).as(fields[0]).containsExactlyElementsOf(wanted);
      if (fields[0].startsWith("frame")) {
        assertThat(frame(wanted.getFirst())).as(fields[0]).isEqualTo(stream);
      }
    }
  }

  @Test
  void givenThePayloadThatIsJustNotTooLargeThenItArrivesAndALargerOneIsNotSent()
      throws IOException {
    byte[] largest = new byte[Frame.MOST_PAYLOAD];
    Arrays.fill(largest, (byte) 1);
    assertThat(frames(frame(largest))).containsExactly(largest);
    assertThatThrownBy(() -> Frame.around(new byte[Frame.MOST_PAYLOAD + 1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("more than");
  }

  @Test
  void givenMoreWithoutAZeroThanAFrameHasThenItIsDroppedAndTheNextFrameArrives()
      throws IOException {
    byte[] flood = new byte[3 * Frame.MOST_STUFFED];
    Arrays.fill(flood, (byte) 'x');
    byte[] payload = {1, 0, 2};
    var stream = new ByteArrayOutputStream();
    stream.write(flood);
    stream.write(frame(payload));
    var reader = reader(stream.toByteArray());
    assertThat(reader.next()).isEqualTo(payload);
    assertThat(reader.dropped()).isEqualTo(flood.length);
  }

  @Property(tries = 300)
  void givenAnyGarbageBetweenFramesThenAllFramesArriveAndNothingElse(
      @ForAll List<byte[]> payloads, @ForAll @Size(max = 40) byte[] garbage) throws IOException {
    byte[] visible = garbage.clone();
    for (int i = 0; i < visible.length; i++) {
      visible[i] = visible[i] == 0 ? 7 : visible[i];
    }
    var stream = new ByteArrayOutputStream();
    for (byte[] payload : payloads) {
      stream.write(visible);
      stream.write(frame(payload));
    }
    assertThat(frames(stream.toByteArray())).containsExactlyElementsOf(payloads);
  }

  @Property(tries = 300)
  void givenOneByteOfAFrameIsAnotherThenThePayloadNeverIs(
      @ForAll @Size(min = 1, max = 600) byte[] payload, @ForAll int at, @ForAll byte flip)
      throws IOException {
    byte[] frame = frame(payload);
    int position = Math.floorMod(at, frame.length);
    frame[position] ^= flip;
    for (byte[] got : frames(frame)) {
      assertThat(got).isEqualTo(payload); // only where a zero at the end went, or nothing did
    }
  }

  @Property(tries = 300)
  void givenAnyBytesThenTheyAreTakenForNoFrameAndTheNextOneArrives(@ForAll byte[] bytes)
      throws IOException {
    var stream = new ByteArrayOutputStream();
    stream.write(bytes);
    stream.write(frame(new byte[] {9}));
    assertThat(frames(stream.toByteArray())).containsExactly(new byte[] {9});
  }

  static byte[] frame(byte[] payload) {
    var buffer = Frame.around(payload);
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  private static List<byte[]> frames(byte[] stream) throws IOException {
    FrameReader reader = reader(stream);
    List<byte[]> frames = new ArrayList<>();
    while (true) {
      try {
        frames.add(reader.next());
      } catch (EOFException e) {
        return frames;
      }
    }
  }

  private static FrameReader reader(byte[] stream) {
    return new FrameReader(Channels.newChannel(new ByteArrayInputStream(stream)));
  }
}
