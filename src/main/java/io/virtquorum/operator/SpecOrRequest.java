package io.virtquorum.operator;

import io.javaoperatorsdk.operator.processing.event.source.filter.OnUpdateFilter;
import io.virtquorum.api.HACluster;
import java.util.Objects;

/**
 * Lets through what a person changed: the spec, an annotation, or the deletion; not our own status.
 */
public final class SpecOrRequest implements OnUpdateFilter<HACluster> {
  @Override
  public boolean accept(HACluster now, HACluster before) {
    var meta = now.getMetadata();
    var old = before.getMetadata();
    return !Objects.equals(meta.getGeneration(), old.getGeneration())
        || !Objects.equals(meta.getAnnotations(), old.getAnnotations())
        || !Objects.equals(meta.getFinalizers(), old.getFinalizers())
        || !Objects.equals(meta.getDeletionTimestamp(), old.getDeletionTimestamp());
  }
}
