package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The keys under which members hash their state: one a cluster, derived from one secret of the
 * operator, so that fingerprints tell nothing and clusters cannot be compared. Immutable.
 *
 * <p>The secret must outlive the operator: under another key every member's memory is void.
 */
final class FingerprintKeys {
  private static final String NAME = "virtquorum-fingerprint-key";
  private static final String FIELD = "key";
  private static final int BYTES = 32;

  private final byte[] master;

  private FingerprintKeys(byte[] master) {
    this.master = master;
  }

  /** Reads the operator's secret from its own namespace, and makes it first if there is none. */
  static FingerprintKeys load(KubernetesClient client, String namespace) {
    Secret secret = client.secrets().inNamespace(namespace).withName(NAME).get();
    if (secret == null) {
      byte[] fresh = new byte[BYTES];
      new SecureRandom().nextBytes(fresh);
      Secret wanted =
          new SecretBuilder()
              .withNewMetadata()
              .withName(NAME)
              .withNamespace(namespace)
              .endMetadata()
              .withData(Map.of(FIELD, Base64.getEncoder().encodeToString(fresh)))
              .build();
      try {
        secret = client.resource(wanted).create();
      } catch (KubernetesClientException e) {
        if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
          throw e;
        }
        secret = client.secrets().inNamespace(namespace).withName(NAME).require();
      }
    }
    return new FingerprintKeys(Base64.getDecoder().decode(secret.getData().get(FIELD)));
  }

  /** The key of one cluster: 32 bytes. */
  byte[] of(String namespace, String cluster) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(master, "HmacSHA256"));
      return mac.doFinal((namespace + "/" + cluster).getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException | InvalidKeyException e) {
      throw new IllegalStateException("every Java platform has HmacSHA256", e);
    }
  }
}
