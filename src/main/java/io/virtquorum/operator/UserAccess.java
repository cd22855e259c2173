package io.virtquorum.operator;

import io.fabric8.kubernetes.api.model.Service;
import io.virtquorum.access.AccessException;
import io.virtquorum.access.AccessPath;
import io.virtquorum.access.Lead;
import io.virtquorum.api.AccessSpec;
import io.virtquorum.api.HACluster;
import io.virtquorum.api.NameTakenException;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One cluster's Service and where it leads. The slice is written by the cluster's own thread alone,
 * so that an older decision never overtakes a newer one.
 */
final class UserAccess implements Surroundings.UserLeader {
  private static final Logger LOG = LoggerFactory.getLogger(UserAccess.class);

  private final AccessPath path;
  private volatile HACluster cluster;
  private volatile Optional<Led> led = Optional.empty();
  private volatile boolean ours;

  /** Where users were led last, empty: nowhere, and through which ports. */
  private record Led(Optional<String> podAddress, AccessSpec ports) {}

  UserAccess(AccessPath path, HACluster cluster) {
    this.path = path;
    this.cluster = cluster;
  }

  /**
   * Takes in the newest spec and makes the Service.
   *
   * @throws AccessException if that failed; the spec is taken in nevertheless
   */
  void offer(HACluster newest, Optional<Service> observed) {
    cluster = newest;
    try {
      path.offer(newest, observed);
      ours = true;
    } catch (NameTakenException e) {
      ours = false;
      throw e;
    } catch (AccessException e) {
      ours |= observed.isPresent();
      throw e;
    }
  }

  /** True if users were led somewhere else than here by another than this object. */
  boolean isLedElsewhere(List<String> addresses) {
    return !cluster.getSpec().access().ports().isEmpty()
        && led.filter(l -> !addresses.equals(l.podAddress().stream().toList())).isPresent();
  }

  /** Somebody took away what leads users: the next lead writes it again. */
  void forget() {
    led = Optional.empty();
  }

  @Override
  public boolean lead(Optional<Lead> where) {
    if (!ours) {
      return false; // our slice would lead the users of somebody else's Service; said by the status
    }
    HACluster now = cluster;
    Optional<Led> wanted = Optional.of(new Led(where.map(Lead::podIp), now.getSpec().access()));
    if (led.equals(wanted)) {
      return true;
    }
    led = Optional.empty(); // a write that fails may have been done, or be done later
    try {
      if (path.lead(now, where, Optional.empty())) {
        LOG.atInfo()
            .addKeyValue("namespace", now.getMetadata().getNamespace())
            .addKeyValue("cluster", now.getMetadata().getName())
            .log("Users are led {}", where.map(lead -> "to " + lead.podIp()).orElse("nowhere"));
      }
      led = wanted;
      return true;
    } catch (AccessException | NameTakenException e) {
      LOG.atError()
          .addKeyValue("namespace", now.getMetadata().getNamespace())
          .addKeyValue("cluster", now.getMetadata().getName())
          .log(e.getMessage());
      return false;
    }
  }
}
