package io.virtquorum.cloudinit;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Base64;
import java.util.Optional;

/**
 * What KubeVirt's hook hands over before it makes the disk of cloud-init, for NoCloud and
 * ConfigDrive alike. It holds passwords: nothing here repeats a word of it. Pure.
 *
 * @param json to be answered; what was handed over, if nothing could be added
 * @param why a sentence, if nothing could be added
 */
public record CloudInitData(byte[] json, Optional<String> why) {
  private static final String USER_DATA = "UserData";

  /** What Go writes for each byte that is no UTF-8: text of a JSON cannot hold it. */
  private static final char LOST = '\uFFFD';

  /**
   * Adds a part to the user data.
   *
   * @param json KubeVirt's CloudInitData
   * @param vmi the VirtualMachineInstance as JSON; read only where the user data came damaged
   * @param part a boothook in ASCII
   */
  public static CloudInitData with(byte[] json, byte[] vmi, String part) {
    ObjectMapper mapper = new ObjectMapper();
    try {
      if (!(mapper.readTree(json) instanceof ObjectNode data)) {
        return new CloudInitData(
            json, Optional.of("What KubeVirt handed over is no cloud-init data"));
      }
      data.put(USER_DATA, UserData.with(userData(data, vmi, mapper), part));
      return new CloudInitData(mapper.writeValueAsBytes(data), Optional.empty());
    } catch (UnusableException e) {
      return new CloudInitData(json, Optional.of(e.getMessage()));
    } catch (IOException e) { // its message may quote
      return new CloudInitData(json, Optional.of("What KubeVirt handed over is no JSON"));
    }
  }

  private static byte[] userData(ObjectNode data, byte[] vmi, ObjectMapper mapper)
      throws IOException, UnusableException {
    String text = data.path(USER_DATA).asText("");
    if (text.indexOf(LOST) < 0) {
      return text.getBytes(UTF_8);
    }
    Optional<byte[]> original = inline(mapper.readTree(vmi), data.path("VolumeName").asText());
    if (original.isEmpty() && text.charAt(0) == 0x1f) {
      throw new UnusableException(
          "The user data is compressed, and out of a Secret KubeVirt hands such data to hooks only"
              + " damaged: store it there as it is, uncompressed");
    }
    return original.orElseGet(() -> text.getBytes(UTF_8));
  }

  /** The user data as a volume has it in base64, where nothing goes before that. */
  private static Optional<byte[]> inline(JsonNode vmi, String name) {
    for (JsonNode volume : vmi.path("spec").path("volumes")) {
      if (!volume.path("name").asText().equals(name)) {
        continue;
      }
      JsonNode source =
          volume.has("cloudInitNoCloud")
              ? volume.path("cloudInitNoCloud")
              : volume.path("cloudInitConfigDrive");
      if (source.path("userData").asText("").isEmpty() && source.has("userDataBase64")) {
        try {
          String base64 = source.path("userDataBase64").asText().replaceAll("[\r\n]", "");
          return Optional.of(Base64.getDecoder().decode(base64));
        } catch (IllegalArgumentException e) {
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }
}
