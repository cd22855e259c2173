package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.List;

/**
 * The features: all that must be equal on every member.
 *
 * @param files file trees, compared, voted on and repaired together; at least one, because the
 *     durable memory of what was agreed lives in them
 * @param commands outputs that are compared, and repaired where they have an {@code apply}
 * @param guest facts that are compared only
 * @param vmSpec JSON pointers into the VirtualMachine, voted on and patched through the API
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "has(self.files) && size(self.files) > 0",
    message =
        "state.files lists no file tree, and what the members agreed on is remembered in the trees: list at least one, which may be small.")
@ValidationRule(
    value = "!has(self.files) || self.files.all(a, self.files.exists_one(b, a.name == b.name))",
    message = "Two entries of state.files have the same name: give each feature a name of its own.")
@ValidationRule(
    value =
        "!has(self.commands) || self.commands.all(a, self.commands.exists_one(b, a.name == b.name))",
    message =
        "Two entries of state.commands have the same name: give each feature a name of its own.")
@ValidationRule(
    value =
        "!has(self.files) || !has(self.commands)"
            + " || self.files.all(f, self.commands.all(c, f.name != c.name))",
    message =
        "An entry of state.files and one of state.commands have the same name: give each feature a name of its own.")
@ValidationRule(
    value =
        "!has(self.commands) || !has(self.guest)"
            + " || self.commands.all(c, self.guest.all(g, c.name != g))",
    message =
        "An entry of state.commands is named as a fact of state.guest: give the command another name.")
@ValidationRule(
    value =
        "!has(self.files) || self.files.all(a, self.files.all(b,"
            + " a.name == b.name || !(b.path + '/').startsWith(a.path + '/')))",
    message =
        "Two paths of state.files overlap (one is the other, or lies below it): list the upper one only.")
@ValidationRule(
    value = "!has(self.guest) || self.guest.all(a, self.guest.exists_one(b, a == b))",
    message = "state.guest lists a fact twice: list each once.")
@ValidationRule(
    value =
        "!has(self.vmSpec) || self.vmSpec.all(p, p.startsWith('/spec/') && !p.endsWith('/') && !p.contains('//'))",
    message =
        "state.vmSpec needs JSON pointers below /spec, such as /spec/template/spec/domain/memory/guest.")
@ValidationRule(
    value =
        "!has(self.vmSpec) || self.vmSpec.all(a, self.vmSpec.exists_one(b, (b + '/').startsWith(a + '/')))",
    message =
        "Two pointers of state.vmSpec overlap (one is the other, or lies below it): list the upper one only.")
@ValidationRule(
    value =
        "!has(self.vmSpec) || ['/spec/running/', '/spec/runStrategy/', '/spec/dataVolumeTemplates/',"
            + " '/spec/template/metadata/', '/spec/template/spec/volumes/', '/spec/template/spec/networks/',"
            + " '/spec/template/spec/domain/devices/interfaces/'].all(o, self.vmSpec.all(p,"
            + " !(p + '/').startsWith(o) && !o.startsWith(p + '/')))",
    message =
        "state.vmSpec covers what each VM must have for itself (running, runStrategy, volumes, dataVolumeTemplates, networks,"
            + " interfaces or template metadata): choose pointers beside these.")
public record StateSpec(
    @Size(max = 32) @JsonPropertyDescription("File trees, voted on and repaired together.")
        List<FileTree> files,
    @Size(max = 32)
        @JsonPropertyDescription("Commands whose output is compared; with apply also repaired.")
        List<CommandFeature> commands,
    @Size(max = 3)
        @JsonPropertyDescription("Facts of the guest that must not differ; compared only.")
        List<GuestFact> guest,
    @Size(max = 32)
        @JsonPropertyDescription(
            "JSON pointers into the VirtualMachine, such as /spec/template/spec/domain/cpu.")
        List<@Size(min = 7, max = 256) String> vmSpec) {

  /** No state; only where a spec is incomplete. */
  static final StateSpec NONE = new StateSpec(null, null, null, null);

  public StateSpec {
    files = List.copyOf(requireNonNullElse(files, List.of()));
    commands = List.copyOf(requireNonNullElse(commands, List.of()));
    guest = List.copyOf(requireNonNullElse(guest, List.of()));
    vmSpec = List.copyOf(requireNonNullElse(vmSpec, List.of()));
  }

  /** File trees only. */
  public static StateSpec ofFiles(FileTree... files) {
    return new StateSpec(List.of(files), null, null, null);
  }
}
