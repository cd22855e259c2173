package io.virtquorum.operator;

import io.virtquorum.adjudicate.Command;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.vmspec.VmSpec;
import io.virtquorum.vote.Election;
import io.virtquorum.vote.Tally;
import io.virtquorum.vote.Vote;
import io.virtquorum.vote.VotingRule;
import io.virtquorum.vote.Weights;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The VM-spec features as a unit of their own (design, rule 1): every member's values vote with its
 * weight, the primary's with its bonus, and the API is the OS through which they were written.
 */
final class SpecUnit {
  private final VmSpec vmSpec = new VmSpec();

  /**
   * What the vote says.
   *
   * @param wanted the elected values by pointer
   * @param losers members with other values
   */
  record Verdict(Map<String, Optional<String>> wanted, List<String> losers) {}

  /** Holds the vote; empty without a primary, without pointers, or without a majority. */
  Optional<Verdict> elect(
      Map<String, VirtualMachine> machines,
      List<String> pointers,
      VotingRule rule,
      Weights weights,
      Optional<String> primary) {
    if (pointers.isEmpty() || primary.filter(machines::containsKey).isEmpty()) {
      return Optional.empty();
    }
    SortedMap<String, SortedMap<String, Optional<String>>> values = new TreeMap<>();
    machines.forEach((name, vm) -> values.put(name, values(vm, pointers)));
    Map<String, Integer> inElection = weights.inElection(primary);
    List<Vote> votes = new ArrayList<>();
    values.forEach(
        (name, held) -> {
          if (inElection.containsKey(name)) {
            votes.add(new Vote(name, root(held), inElection.get(name)));
          }
        });
    long total =
        inElection.values().stream().mapToLong(Integer::longValue).sum() + weights.witness();
    Tally tally = new Election(rule, total, Optional.empty()).count(votes);
    if (!(tally instanceof Tally.Elected elected)) {
      return Optional.empty();
    }
    Map<String, Optional<String>> wanted =
        values.values().stream()
            .filter(v -> root(v).equals(elected.root()))
            .findFirst()
            .orElseThrow();
    List<String> losers =
        values.entrySet().stream()
            .filter(e -> !e.getValue().equals(wanted))
            .map(Map.Entry::getKey)
            .toList();
    return Optional.of(new Verdict(wanted, losers));
  }

  /** The patch that makes a loser equal. */
  io.virtquorum.kubevirt.JsonPatch repair(VirtualMachine loser, Verdict verdict) {
    return vmSpec.patch(loser, verdict.wanted());
  }

  /** What people are told about a repaired spec. */
  static Command.Tell news(String loser, String primary, Verdict verdict) {
    return new Command.Tell(
        false,
        "SpecRepaired",
        "The VM spec of %s was made equal to the primary %s at %s."
            .formatted(loser, primary, String.join(", ", verdict.wanted().keySet())));
  }

  private SortedMap<String, Optional<String>> values(VirtualMachine vm, List<String> pointers) {
    SortedMap<String, Optional<String>> values = new TreeMap<>();
    pointers.forEach(pointer -> values.put(pointer, vmSpec.read(vm, pointer)));
    return values;
  }

  private static Digest root(SortedMap<String, Optional<String>> values) {
    try {
      return Digest.of(
          MessageDigest.getInstance("SHA-256")
              .digest(values.toString().getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
