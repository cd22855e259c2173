package io.virtquorum.sidecar;

import io.virtquorum.wire.WireServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** A CA and a server's certificate of it, made by keytool. */
record IssuedCertificate(byte[] ca, WireServer.Tls tls) {
  static IssuedCertificate issue(Path directory, String name) throws Exception {
    Path store = Files.createTempDirectory(directory, "ca").resolve("store.p12");
    run(store, "-genkeypair", "-alias", "ca", "-keyalg", "EC", "-dname", "CN=ca", "-ext", "bc:c");
    run(
        store,
        "-genkeypair",
        "-alias",
        "server",
        "-keyalg",
        "EC",
        "-dname",
        "CN=server",
        "-signer",
        "ca",
        "-ext",
        "san=dns:" + name);
    var keys = KeyStore.getInstance(store.toFile(), "secret".toCharArray());
    return new IssuedCertificate(
        pem("CERTIFICATE", keys.getCertificate("ca").getEncoded()),
        new WireServer.Tls(
            pem("CERTIFICATE", keys.getCertificate("server").getEncoded()),
            pem("PRIVATE KEY", keys.getKey("server", "secret".toCharArray()).getEncoded())));
  }

  private static void run(Path store, String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("-keystore", store.toString(), "-storepass", "secret"));
    Process keytool = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (keytool.waitFor() != 0) {
      throw new IOException("keytool could not issue a certificate: " + output);
    }
  }

  private static byte[] pem(String what, byte[] der) {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(what, body, what)
        .getBytes(StandardCharsets.US_ASCII);
  }
}
