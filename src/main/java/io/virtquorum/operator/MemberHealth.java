package io.virtquorum.operator;

import io.virtquorum.adjudicate.Trouble;
import io.virtquorum.wire.HealthContent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** What members say of themselves and of their ways to each other, for a person. Pure. */
final class MemberHealth {
  private MemberHealth() {}

  /**
   * What a person must mend, if anything.
   *
   * @param setup tells where members run, and why the guest program may not have come to one
   */
  static Optional<Trouble> trouble(Map<String, HealthContent> health, StatusFactory.Setup setup) {
    return new TreeMap<>(health)
        .entrySet().stream()
            .flatMap(
                member ->
                    member.getValue().ailments().stream()
                        .map(
                            a ->
                                a.reason().equals("GuestAgentSilent")
                                        && setup.uninstalled().containsKey(member.getKey())
                                    ? uninstalled(
                                        member.getKey(), setup.uninstalled().get(member.getKey()))
                                    : of(member.getKey(), a.reason(), a.sentence())))
            .findFirst()
            .or(() -> split(health, setup.nodes()));
  }

  private static Trouble uninstalled(String member, String why) {
    return new Trouble(
        "NotByCloudInit",
        "%s: Nothing answers on the channel io.virtquorum.agent.0, and the guest program did not come by cloud-init, as spec.guestProgram.install says: %s."
            .formatted(member, why));
  }

  /** What ails one member. */
  static Trouble of(String member, String reason, String sentence) {
    return new Trouble(
        reason, "%s: %s%s".formatted(member, sentence, sentence.endsWith(".") ? "" : "."));
  }

  /**
   * Members that do not reach each other. Both must say so: a guest that reboots is silent too, and
   * says nothing meanwhile.
   */
  private static Optional<Trouble> split(
      Map<String, HealthContent> health, Map<String, String> nodes) {
    SortedMap<String, SortedSet<String>> apart = new TreeMap<>();
    health.forEach(
        (member, said) ->
            said.silentPeers().stream()
                .filter(
                    peer ->
                        health
                            .getOrDefault(peer, HealthContent.GOOD)
                            .silentPeers()
                            .contains(member))
                .forEach(peer -> apart.computeIfAbsent(member, m -> new TreeSet<>()).add(peer)));
    if (apart.isEmpty()) {
      return Optional.empty();
    }
    List<String> gaps = new ArrayList<>();
    while (!apart.isEmpty()) { // who is cut off from most is named first, and only once
      String lonely =
          apart.entrySet().stream()
              .max(Comparator.comparingInt(e -> e.getValue().size()))
              .orElseThrow()
              .getKey();
      SortedSet<String> others = apart.remove(lonely);
      others.forEach(other -> apart.get(other).remove(lonely));
      apart.values().removeIf(SortedSet::isEmpty);
      gaps.add(
          "%s and %s"
              .formatted(
                  at(lonely, nodes),
                  others.stream().map(o -> at(o, nodes)).collect(Collectors.joining(", "))));
    }
    return Optional.of(
        new Trouble(
            "SyncNetworkSplit",
            "Nothing passes over the sync network between %s: join the bridges of these nodes (one that was missing was made without an uplink), see that the sync NICs' links are up, and let the guests' firewalls pass TCP port 7899."
                .formatted(String.join("; between ", gaps))));
  }

  private static String at(String member, Map<String, String> nodes) {
    return nodes.containsKey(member) ? "%s (%s)".formatted(member, nodes.get(member)) : member;
  }
}
