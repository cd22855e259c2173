package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.List;

/**
 * A file tree of the guests.
 *
 * @param name name of the feature, unique in the cluster
 * @param path absolute path of the tree's root, at most 1,024 characters
 * @param exclude shell patterns of what is neither compared nor repaired, with all below it: {@code
 *     *} matches slashes and leading dots too; without a slash a pattern is compared with a name,
 *     otherwise with the whole path from the tree's root
 * @param afterRepair command and arguments run in the guest after a repair; empty for none
 * @param quiesce command and arguments that keep writers still while a busy tree is copied: run
 *     with {@code begin} as its last argument, and with {@code end} within a minute; empty for none
 * @param quiesceUnits units of systemd that stand still meanwhile, after the command began
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "self.path.startsWith('/')",
    message = "state.files[].path must be absolute, such as /srv/www.")
@ValidationRule(
    value = "self.path != '/' && !(self.path + '/').matches('^/(proc|sys|dev|run)/')",
    message =
        "state.files[].path must be a tree that holds state: not / itself, and nothing in /proc, /sys, /dev or /run.")
@ValidationRule(
    value = "self.path == '/' || !(self.path + '/').matches('/[.]{0,2}/')",
    message =
        "state.files[].path must be plain: without '..', '.', '//' and without a '/' at its end.")
public record FileTree(
    @Required
        @Size(min = 1, max = 63)
        @Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
        @JsonPropertyDescription("Name of the feature, unique in the cluster.")
        String name,
    @Required
        @Size(min = 1, max = 1024)
        @JsonPropertyDescription("Absolute path of the tree in the guests.")
        String path,
    @Size(max = 32)
        @JsonPropertyDescription(
            "Shell patterns of what is left alone, with all below it: * matches slashes and leading dots"
                + " too. Without a slash a pattern is compared with a name, otherwise with the whole"
                + " path from the tree's root.")
        List<@Size(min = 1, max = 256) String> exclude,
    @Size(max = 32)
        @JsonPropertyDescription("Command and arguments to run in the guest after a repair.")
        List<@Size(max = 1024) String> afterRepair,
    @Size(max = 32)
        @JsonPropertyDescription(
            "Command and arguments that keep writers still while a busy tree is copied: run with"
                + " begin as last argument, and with end within a minute.")
        List<@Size(max = 1024) String> quiesce,
    @Size(max = 16)
        @JsonPropertyDescription(
            "Units of systemd, such as shop.service, whose processes are frozen while a busy tree is"
                + " copied, for a minute at most.")
        List<
                @Size(min = 1, max = 255) @Pattern("^[A-Za-z0-9:_.@-]+[.](service|scope|slice)$")
                String>
            quiesceUnits) {

  public FileTree {
    name = requireNonNullElse(name, "");
    path = requireNonNullElse(path, "");
    exclude = List.copyOf(requireNonNullElse(exclude, List.of()));
    afterRepair = List.copyOf(requireNonNullElse(afterRepair, List.of()));
    quiesce = List.copyOf(requireNonNullElse(quiesce, List.of()));
    quiesceUnits = List.copyOf(requireNonNullElse(quiesceUnits, List.of()));
  }

  /** True if something keeps its writers still. */
  public boolean canQuiesce() {
    return !quiesce.isEmpty() || !quiesceUnits.isEmpty();
  }

  /** A tree without exclusions and commands. */
  public FileTree(String name, String path) {
    this(name, path, null, null, null, null);
  }
}
