package io.virtquorum.cloudinit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** What comes out is read by the parser that cloud-init uses: Python's for mail. */
final class CloudInitDataTest {
  private static final String PART = "#cloud-boothook\n#!/bin/sh\nexit 0\n";
  private static final byte[] NO_VMI = "{}".getBytes(UTF_8);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** As cloud-init takes a message to pieces (user_data.py): type and content of each. */
  private static final String CLOUD_INIT =
      """
      import base64, email, json, sys
      message = email.message_from_string(sys.stdin.buffer.read().decode())
      parts = []
      for part in message.walk():
          if part.get_content_maintype() != "multipart":
              content = base64.b64encode(part.get_payload(decode=True)).decode()
              parts.append([part.get_content_type(), content])
      print(json.dumps(parts))
      """;

  @Test
  void givenUserDataOfEachKindThenCloudInitFindsItsExactBytesAndOursBehindThem() throws Exception {
    for (String user :
        List.of(
            "#cloud-config\nusers: [{name: jörg, passwd: '€'}]\n",
            "#!/bin/sh\r\necho hello\r\n",
            "## template: jinja\n#cloud-config\nhostname: {{ v1.local_hostname }}",
            "#include\nhttps://example.org/x\n",
            "#cloud-boothook\necho theirs\n",
            "#cloud-config-archive\n- {type: text/plain, content: x}\n",
            "no kind that is known, --virtquorum- and -- and\n\n\n",
            " \n")) {
      assertThat(parts(merged(user)))
          .containsExactly(Map.entry("text/plain", user), Map.entry("text/cloud-boothook", PART));
    }
  }

  @Test
  void givenNoUserDataThenThereIsOnlyOurPart() throws Exception {
    assertThat(parts(merged(""))).containsExactly(Map.entry("text/cloud-boothook", PART));
    var nothing = CloudInitData.with("{\"NetworkData\":\"n\"}".getBytes(UTF_8), NO_VMI, PART);
    assertThat(JSON.readTree(nothing.json()).path("UserData").asText()).isEqualTo(merged(""));
  }

  @Test
  void givenAMessageThenEachOfItsPartsIsAsItWas() throws Exception {
    String message =
        """
        From nobody Fri Jan 11 07:00:00 1980
        Content-Type: multipart/mixed; boundary="===2=="
        MIME-Version: 1.0
        Number-Attachments: 2

        --===2==
        Content-Type: text/cloud-config
        Merge-Type: list(append)+dict(recurse_array)+str()

        #cloud-config
        runcmd: [echo]

        --===2==
        Content-Type: text/x-shellscript; charset="utf-8"
        Content-Transfer-Encoding: base64

        IyEvYmluL3NoCg==
        --===2==--
        """;
    assertThat(merged(message)).contains(message);
    assertThat(parts(merged(message)))
        .isEqualTo(
            List.of(
                Map.entry("text/cloud-config", "#cloud-config\nruncmd: [echo]\n"),
                Map.entry("text/x-shellscript", "#!/bin/sh\n"),
                Map.entry("text/cloud-boothook", PART)));
  }

  @Test
  void givenAMessageWithoutItsEndThenOursIsFoundAllTheSame() throws Exception {
    String open =
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\n#cloud-config\n";
    assertThat(parts(merged(open)))
        .containsExactly(
            Map.entry("text/plain", "#cloud-config\n"), Map.entry("text/cloud-boothook", PART));
  }

  @Test
  void givenASingleMessageOfOneKindThenItKeepsItsKind() throws Exception {
    String single = "Content-Type: text/jinja2\nmime-version: 1.0\n\n## template: jinja\n#!/bin/sh";
    assertThat(parts(merged(single)))
        .containsExactly(
            Map.entry("text/jinja2", "## template: jinja\n#!/bin/sh"),
            Map.entry("text/cloud-boothook", PART));
  }

  @Test
  void givenOurPartAlreadyThenNothingChanges() throws Exception {
    for (String user : List.of("", "#cloud-config\n{}\n", "MIME-Version: 1.0\n\nx")) {
      assertThat(merged(merged(user))).isEqualTo(merged(user));
    }
  }

  @Test
  void givenBothSourcesThenOnlyTheUserDataDiffers() throws Exception {
    for (String json :
        List.of(
            "{\"DataSource\":\"noCloud\",\"NoCloudMetaData\":{\"instance-id\":\"i\"},\"ConfigDriveMetaData\":null,\"UserData\":\"#!/bin/sh\",\"NetworkData\":\"<&>\",\"DevicesData\":null,\"VolumeName\":\"ci\"}",
            "{\"DataSource\":\"configDrive\",\"NoCloudMetaData\":null,\"ConfigDriveMetaData\":{\"instance_id\":\"i\",\"uuid\":\"u\"},\"UserData\":\"#!/bin/sh\",\"NetworkData\":\"\",\"VolumeName\":\"ci\"}")) {
      var answer = CloudInitData.with(json.getBytes(UTF_8), NO_VMI, PART);
      ObjectNode before = (ObjectNode) JSON.readTree(json);
      ObjectNode after = (ObjectNode) JSON.readTree(answer.json());
      assertThat(after.remove("UserData").asText()).isEqualTo(merged("#!/bin/sh"));
      before.remove("UserData");
      assertThat(after).isEqualTo(before);
      assertThat(answer.why()).isEmpty();
    }
  }

  /** KubeVirt's JSON has a replacement character for each byte of it that is no UTF-8. */
  @Test
  void givenCompressedUserDataOfAVolumeThenItIsReadThereAndUnpacked() throws Exception {
    byte[] packed = packed("#cloud-config\nhostname: x\n".getBytes(UTF_8));
    for (String source : List.of("cloudInitNoCloud", "cloudInitConfigDrive")) {
      String vmi =
          "{\"spec\":{\"volumes\":[{\"name\":\"root\"},{\"name\":\"ci\",\"%s\":{\"userDataBase64\":\"%s\"}}]}}"
              .formatted(
                  source, Base64.getMimeEncoder().encodeToString(packed).replace("\r\n", "\\n"));
      var answer = CloudInitData.with(damaged(packed), vmi.getBytes(UTF_8), PART);
      assertThat(answer.why()).isEmpty();
      assertThat(parts(JSON.readTree(answer.json()).path("UserData").asText()))
          .containsExactly(
              Map.entry("text/plain", "#cloud-config\nhostname: x\n"),
              Map.entry("text/cloud-boothook", PART));
    }
  }

  @Test
  void givenOtherBytesThanUtf8OfAVolumeThenTheyAreTheSame() throws Exception {
    byte[] latin = "#!/bin/sh\necho ä\n".getBytes(ISO_8859_1);
    String vmi =
        "{\"spec\":{\"volumes\":[{\"name\":\"ci\",\"cloudInitNoCloud\":{\"userDataBase64\":\"%s\"}}]}}"
            .formatted(Base64.getEncoder().encodeToString(latin));
    var answer = CloudInitData.with(damaged(latin), vmi.getBytes(UTF_8), PART);
    String merged = JSON.readTree(answer.json()).path("UserData").asText();
    assertThat(merged).contains(Base64.getEncoder().encodeToString(latin));
  }

  @Test
  void givenWhatCannotBeMergedThenItIsUntouchedAndOneSentenceSaysWhy() throws Exception {
    byte[] packed = packed("x".getBytes(UTF_8));
    refused(damaged(packed), "{}", "out of a Secret");
    refused(data("x".repeat(UserData.MOST + 1)), "{}", "larger");
    refused("[]".getBytes(UTF_8), "{}", "no cloud-init data");
    refused("{".getBytes(UTF_8), "{}", "no JSON");
    refused("{\"a\":".repeat(5_000).getBytes(UTF_8), "{}", "no JSON");
    refused(damaged(packed), "{", "no JSON");
    refused(damaged(packed), volume(packed(new byte[UserData.MOST + 1])), "larger");
    refused(damaged(packed), volume(new byte[] {0x1f, (byte) 0x8b, 0}), "cannot be unpacked");
    refused(damaged(packed), volume("MIME-Version: 1.0\n\nä".getBytes(ISO_8859_1)), "not UTF-8");
  }

  @Property(tries = 300)
  void whateverTheTextIsItsBytesStay(@ForAll String text) throws IOException {
    String clean = new String(text.getBytes(UTF_8), UTF_8);
    String whole = merged(clean);
    if (!clean.isEmpty() && !clean.toLowerCase(java.util.Locale.ROOT).contains("mime-version:")) {
      assertThat(whole)
          .contains(
              Base64.getMimeEncoder(76, new byte[] {'\n'}).encodeToString(clean.getBytes(UTF_8)));
    }
    assertThat(whole).contains(PART);
  }

  private static void refused(byte[] data, String vmi, String why) {
    var answer = CloudInitData.with(data, vmi.getBytes(UTF_8), PART);
    assertThat(answer.json()).isEqualTo(data);
    assertThat(answer.why().orElseThrow()).contains(why).doesNotContain("\n");
  }

  private static String volume(byte[] userData) {
    return "{\"spec\":{\"volumes\":[{\"name\":\"ci\",\"cloudInitNoCloud\":{\"userDataBase64\":\"%s\"}}]}}"
        .formatted(Base64.getEncoder().encodeToString(userData));
  }

  private static byte[] packed(byte[] plain) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(bytes)) {
      gzip.write(plain);
    }
    return bytes.toByteArray();
  }

  /** As Go's json.Marshal writes such a string. */
  private static byte[] damaged(byte[] userData) throws IOException {
    return data(new String(userData, UTF_8));
  }

  private static byte[] data(String userData) throws IOException {
    return JSON.writeValueAsBytes(Map.of("VolumeName", "ci", "UserData", userData));
  }

  private static String merged(String userData) throws IOException {
    var answer = CloudInitData.with(data(userData), NO_VMI, PART);
    assertThat(answer.why()).isEmpty();
    return JSON.readTree(answer.json()).path("UserData").asText();
  }

  private static List<Map.Entry<String, String>> parts(String userData) throws Exception {
    Process python = new ProcessBuilder("python3", "-c", CLOUD_INIT).start();
    try (var in = python.getOutputStream()) {
      in.write(userData.getBytes(UTF_8));
    }
    JsonNode read = JSON.readTree(python.getInputStream().readAllBytes());
    assertThat(python.waitFor()).isZero();
    List<Map.Entry<String, String>> parts = new ArrayList<>();
    for (JsonNode part : read) {
      byte[] content = Base64.getDecoder().decode(part.get(1).asText());
      parts.add(Map.entry(part.get(0).asText(), new String(content, UTF_8)));
    }
    return parts;
  }
}
