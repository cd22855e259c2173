package io.virtquorum.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Writes down what is, for whoever has to find out why a test failed. */
final class Evidence {
  private static final Duration DEADLINE = Duration.ofSeconds(20);
  private static final String LINES = "--tail=5000";

  private final Host host;
  private final Path directory;

  Evidence(Host host, Path directory) {
    this.host = host;
    this.directory = directory;
  }

  /** Never fails: what cannot be had is a sentence in its file. */
  void collect(List<Member> members) {
    String vms = Installation.MEMBERS;
    String operator = Installation.OPERATOR;
    kubectl("hac.yaml", "-n", vms, "get", "hac", "-o", "yaml");
    kubectl("vms.yaml", "-n", vms, "get", "vm,vmi,net-attach-def,svc,endpointslice", "-o", "yaml");
    kubectl("pods.txt", "get", "pods", "-A", "-o", "wide");
    kubectl("events.txt", "-n", vms, "get", "events", "--sort-by=.metadata.creationTimestamp");
    kubectl("operator-objects.yaml", "-n", operator, "get", "all,lease", "-o", "yaml");
    String selector = "app.kubernetes.io/name=virtquorum";
    kubectl("operator.log", "-n", operator, "logs", "-l", selector, LINES, "--timestamps");
    kubectl("operator-before.log", "-n", operator, "logs", "-l", selector, LINES, "--previous");
    for (Member member : members) {
      String pods = "vm.kubevirt.io/name=" + member;
      kubectl(
          member + "-sidecar.log", "-n", vms, "logs", "-l", pods, "-c", "hook-sidecar-0", LINES);
      kubectl(member + "-launcher.log", "-n", vms, "logs", "-l", pods, "-c", "compute", LINES);
      keep(
          member + "-guest.txt",
          () ->
              member
                  .shell()
                  .run(
                      "uptime; ps; ip addr; df -h /srv; ls -la /srv/www; find /srv/.virtquorum;"
                          + " ss -tnp; dmesg | tail -n 50",
                      Duration.ofSeconds(10)));
    }
  }

  private void kubectl(String file, String... words) {
    List<String> command = new ArrayList<>(List.of("kubectl"));
    command.addAll(List.of(words));
    keep(file, () -> host.testbed(DEADLINE, command.toArray(String[]::new)));
  }

  private void keep(String file, Supplier<String> content) {
    String text;
    try {
      text = content.get();
    } catch (RuntimeException e) {
      text = "Not to be had: " + e.getMessage();
    }
    try {
      Files.writeString(directory.resolve(file), text + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
