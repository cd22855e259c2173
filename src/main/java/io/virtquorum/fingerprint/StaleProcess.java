package io.virtquorum.fingerprint;

/**
 * A process in a guest that has a file open for writing which a repair took out of the tree: what
 * it writes goes to the archive, and nobody sees it (design, rule 8). Immutable.
 *
 * @param file that it has as it was before the repair
 * @param pid in the guest; 0: somebody writes who is no process, as a device made of the file
 * @param command its name; may be empty
 * @param unit of systemd that it belongs to; empty: not known
 */
public record StaleProcess(RowKey file, int pid, String command, String unit) {
  /** Completes "...: ", without a full stop. */
  public String words() {
    return "%s still has %s open for writing as it was before a repair"
        .formatted(who(), file.display());
  }

  /** What a person ends it by; completes "...: ". */
  public String remedy() {
    return unit.endsWith(".service")
        ? "systemctl restart " + unit
        : pid == 0
            ? "see what else uses the file (losetup, exportfs)"
            : "restart process " + pid + (unit.isEmpty() ? "" : " of " + unit);
  }

  private String who() {
    if (pid == 0) {
      return "something that is no process";
    }
    return "%s (process %d%s)"
        .formatted(
            command.isEmpty() ? "a process" : command, pid, unit.isEmpty() ? "" : " of " + unit);
  }
}
