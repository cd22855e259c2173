package io.virtquorum.sidecar;

import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * Adds the guest program's channel to a libvirt domain and leaves every other byte as it was: the
 * text is only searched and cut, a parser decides whether the cut is right. Pure.
 */
public final class DomainXml {
  /** The virtio port's name in the guest. KubeVirt reads its own agent's name, so not that one. */
  public static final String CHANNEL = "io.virtquorum.agent.0";

  private static final List<String> TARGET = List.of("domain", "devices", "channel", "target");
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
    if (!path.startsWith("/") || path.chars().anyMatch(c -> c < ' ' || "<>&'\"".indexOf(c) >= 0)) {
      throw new IllegalArgumentException("This cannot be the path of a socket: " + path);
    }
    String text = decode(xml);
    if (channels(text) > 0) {
      return xml;
    }
    String channel =
        "<channel type='unix'><source mode='bind' path='%s'/><target type='virtio' name='%s'/></channel>"
            .formatted(path, CHANNEL);
    // The last end tag may stand in a comment or in metadata: the parser knows.
    List<MatchResult> ends = END.matcher(text).results().toList();
    for (MatchResult end : ends.reversed()) {
      String replacement =
          end.group().startsWith("</")
              ? channel + end.group()
              : "<devices>" + channel + "</devices>";
      String candidate = text.substring(0, end.start()) + replacement + text.substring(end.end());
      if (channels(candidate) == 1) {
        return candidate.getBytes(StandardCharsets.UTF_8);
      }
    }
    throw new IllegalArgumentException("The domain has no <devices> to add a channel to");
  }

  /** Counts channels of our name directly below domain/devices, reading all of the document. */
  private static int channels(String text) {
    try {
      XMLStreamReader reader = factory().createXMLStreamReader(new StringReader(text));
      Deque<String> path = new ArrayDeque<>();
      int found = 0;
      while (reader.hasNext()) {
        switch (reader.next()) {
          case XMLStreamConstants.DTD ->
              throw new IllegalArgumentException("A domain has no document type");
          case XMLStreamConstants.START_ELEMENT -> {
            path.addLast(reader.getLocalName());
            if (isOurTarget(path, reader)) {
              found++;
            }
          }
          case XMLStreamConstants.END_ELEMENT -> path.removeLast();
          default -> {}
        }
      }
      return found;
    } catch (XMLStreamException e) {
      throw new IllegalArgumentException("The domain is no well-formed XML: " + e.getMessage(), e);
    }
  }

  private static boolean isOurTarget(Deque<String> path, XMLStreamReader reader) {
    return path.size() == TARGET.size()
        && List.copyOf(path).equals(TARGET)
        && CHANNEL.equals(reader.getAttributeValue(null, "name"));
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
