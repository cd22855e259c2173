package io.virtquorum.network;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Objects;

/**
 * What was added to a VM, so that exactly that can be taken away. Kept in an annotation of the VM.
 *
 * @param cluster name of the HACluster that added it
 * @param created JSON pointers of the objects and lists that were not there before
 * @param defaultNetwork true if the default pod network was written out
 * @param hook our entry of the hook annotation
 * @param hooksBefore text of the hook annotation before; null if there was none
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
record Added(
    String cluster,
    List<String> created,
    boolean defaultNetwork,
    JsonNode hook,
    String hooksBefore) {

  Added {
    created = List.copyOf(Objects.requireNonNullElse(created, List.of()));
  }
}
