package io.virtquorum.operator;

import io.virtquorum.adjudicate.ClusterRecord;
import io.virtquorum.adjudicate.Command;
import io.virtquorum.adjudicate.Config;
import io.virtquorum.adjudicate.UnitVerdict;
import io.virtquorum.fingerprint.Digest;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.vmspec.VmSpec;
import io.virtquorum.vote.Tally;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
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
      Config config,
      ClusterRecord record) {
    if (pointers.isEmpty() || record.primary().filter(machines::containsKey).isEmpty()) {
      return Optional.empty();
    }
    SortedMap<String, SortedMap<String, Optional<String>>> values = new TreeMap<>();
    SortedMap<String, Digest> roots = new TreeMap<>();
    machines.forEach(
        (name, vm) -> {
          values.put(name, values(vm, pointers));
          roots.put(name, root(values.get(name)));
        });
    UnitVerdict verdict = UnitVerdict.of(record, config, roots);
    if (!(verdict.tally() instanceof Tally.Elected elected)) {
      return Optional.empty();
    }
    String holder =
        roots.keySet().stream()
            .filter(m -> roots.get(m).equals(elected.root()))
            .findFirst()
            .orElseThrow();
    return Optional.of(new Verdict(values.get(holder), verdict.losers()));
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
