package io.virtquorum.sidecar;

import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * Adds the guest program's channel and disk to a libvirt domain and leaves every other byte as it
 * was: the text is only searched and cut, a parser decides whether the cut is right. Pure.
 */
public final class DomainXml {
  /** The virtio port's name in the guest. KubeVirt reads its own agent's name, so not that one. */
  public static final String CHANNEL = "io.virtquorum.agent.0";

  /** The disk's serial, by which it is found in the guest. */
  public static final String SERIAL = "virtquorum-guest";

  /** KubeVirt ends a migration where a disk has no alias, and takes what it says for a volume. */
  private static final String ALIAS = "ua-virtquorum";

  /** The last of three letters: KubeVirt gives names to 26³ disks, and those end before it. */
  private static final String TARGET = "vdzzz";

  private static final Pattern END = Pattern.compile("</devices\\s*>|<devices\\s*/>");

  private DomainXml() {}

  /**
   * The domain with the channel; the same text if it has one of that name already.
   *
   * @param path where QEMU makes the channel's socket, as the compute container sees it
   * @throws IllegalArgumentException with a sentence, if this is no libvirt domain with devices, or
   *     the path cannot stand in an attribute
   */
  public static byte[] withChannel(byte[] xml, String path) {
    return with(
        xml,
        "<channel type='unix'><source mode='bind' path='%s'/><target type='virtio' name='%s'/></channel>"
            .formatted(attribute(path), CHANNEL),
        Devices::channels);
  }

  /**
   * The domain with the disk, the last of all so that others keep their names in the guest; the
   * same text if it has it already. Read-only, so a migration does not copy it: its target has the
   * same bytes at the same path. What fails on it is the guest's to see, and does not stop the VM.
   *
   * @param path of the image, as the compute container sees it
   * @throws IllegalArgumentException as above, or if the VM has a disk of this name of its own
   */
  public static byte[] withDisk(byte[] xml, String path) {
    if (Devices.of(decode(xml)).taken()) {
      throw new IllegalArgumentException(
          "The VM has a volume named virtquorum or a disk %s of its own".formatted(TARGET));
    }
    return with(
        xml,
        "<disk type='file' device='disk'><driver name='qemu' type='raw' error_policy='report'/><source file='%s'/><target dev='%s' bus='virtio'/><readonly/><serial>%s</serial><alias name='%s'/></disk>"
            .formatted(attribute(path), TARGET, SERIAL, ALIAS),
        Devices::disks);
  }

  private static String attribute(String path) {
    if (!path.startsWith("/") || path.chars().anyMatch(c -> c < ' ' || "<>&'\"".indexOf(c) >= 0)) {
      throw new IllegalArgumentException("This cannot be the path of a socket: " + path);
    }
    return path;
  }

  private static byte[] with(byte[] xml, String device, ToIntFunction<Devices> counted) {
    String text = decode(xml);
    if (counted.applyAsInt(Devices.of(text)) > 0) {
      return xml;
    }
    // The last end tag may stand in a comment or in metadata: the parser knows.
    List<MatchResult> ends = END.matcher(text).results().toList();
    for (MatchResult end : ends.reversed()) {
      String replacement =
          end.group().startsWith("</") ? device + end.group() : "<devices>" + device + "</devices>";
      String candidate = text.substring(0, end.start()) + replacement + text.substring(end.end());
      if (counted.applyAsInt(Devices.of(candidate)) == 1) {
        return candidate.getBytes(StandardCharsets.UTF_8);
      }
    }
    throw new IllegalArgumentException("The domain has no <devices> to add to");
  }

  /**
   * What of ours is directly below domain/devices.
   *
   * @param taken true if another disk has what ours is to have
   */
  private record Devices(int channels, int disks, boolean taken) {
    private static final List<String> CHANNEL_TARGET =
        List.of("domain", "devices", "channel", "target");
    private static final List<String> DISK = List.of("domain", "devices", "disk");

    /** Reads all of the document. */
    static Devices of(String text) {
      try {
        XMLStreamReader reader = factory().createXMLStreamReader(new StringReader(text));
        Deque<String> path = new ArrayDeque<>();
        int channels = 0;
        int disks = 0;
        boolean taken = false;
        boolean likeOurs = false; // the disk that is being read
        boolean ours = false;
        StringBuilder serial = new StringBuilder();
        while (reader.hasNext()) {
          switch (reader.next()) {
            case XMLStreamConstants.DTD ->
                throw new IllegalArgumentException("A domain has no document type");
            case XMLStreamConstants.START_ELEMENT -> {
              path.addLast(reader.getLocalName());
              List<String> place = List.copyOf(path);
              if (place.equals(CHANNEL_TARGET)
                  && CHANNEL.equals(reader.getAttributeValue(null, "name"))) {
                channels++;
              }
              if (place.equals(DISK)) {
                likeOurs = false;
                ours = false;
              }
              if (isInDisk(place, "target")) {
                likeOurs |= TARGET.equals(reader.getAttributeValue(null, "dev"));
              }
              if (isInDisk(place, "alias")) {
                likeOurs |= ALIAS.equals(reader.getAttributeValue(null, "name"));
              }
              serial.setLength(0);
            }
            case XMLStreamConstants.CHARACTERS -> serial.append(reader.getText());
            case XMLStreamConstants.END_ELEMENT -> {
              List<String> place = List.copyOf(path);
              if (isInDisk(place, "serial")) {
                ours = serial.toString().strip().equals(SERIAL);
              }
              if (place.equals(DISK)) {
                disks += ours && likeOurs ? 1 : 0;
                taken |= ours != likeOurs;
              }
              path.removeLast();
            }
            default -> {}
          }
        }
        return new Devices(channels, disks, taken);
      } catch (XMLStreamException e) {
        throw new IllegalArgumentException(
            "The domain is no well-formed XML: " + e.getMessage(), e);
      }
    }

    private static boolean isInDisk(List<String> place, String element) {
      return place.size() == DISK.size() + 1
          && place.subList(0, DISK.size()).equals(DISK)
          && place.getLast().equals(element);
    }
  }

  private static XMLInputFactory factory() {
    XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    return factory;
  }

  private static String decode(byte[] xml) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(xml)).toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("The domain is not UTF-8", e);
    }
  }
}
