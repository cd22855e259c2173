package io.virtquorum.docs;

import java.util.List;

/**
 * How a command of the documentation is proven to work.
 *
 * @param command as the page has it
 * @param how where it is run
 * @param with for what is run, what is put in place of a word that stands for the reader's own:
 *     {@code WORD=VALUE}, or empty; otherwise why it is not run
 */
record Typed(String command, How how, String with) {

  enum How {
    /** Run against a real API server: {@link InstallGuideIT}. */
    API_SERVER,
    /** Run against another API server, in the order of the page: {@link InstallGuideIT}. */
    WITHOUT_HELM,
    /** Run on the running testbed: {@link TestbedGuideIT}. */
    TESTBED,
    /** What it names is there and answers, without doing it: {@link DocsTest}. */
    ANSWERS,
    /** Cannot be run. */
    NOT_RUN
  }

  /** The command as it is run. */
  String line() {
    String[] word = with.split("=", 2);
    return word.length == 2 ? command.replace(word[0], word[1]) : command;
  }

  /** All commands. One that a page tells to type and that is not in here fails {@link DocsTest}. */
  static List<Typed> all() {
    return List.of(
        answers("make demo", "it takes the testbed for itself"),
        answers("make test", "this is a part of it"),
        answers("make simulate", "a part of `make test`: SimulationTest"),
        answers("make simulate MINUTES=10", "it would take ten minutes"),
        answers("make simulate SEED=42", "SimulationTest tells the stories of seeds"),
        answers("make simulate COMPARE=40", "it would take minutes"),
        answers(
            "make guest", "a stage of `make test` makes the packages; the testbed installs one"),
        answers("make applications", "it takes the testbed for an hour"),
        answers("testbed applications", "make applications runs it"),
        answers("make edits", "it needs the VMs of the demo"),
        answers("tools/edits flow", "it needs the VMs of the demo"),
        notRun("tools/guest idle", "it takes ten minutes of a machine that does nothing else"),
        notRun("tools/guest edits", "it takes minutes, and its figures need a quiet machine"),
        notRun("tools/guest long", "it takes half an hour; `make test` runs seconds of it"),
        answers("virtquorum-guest doctor /srv/www", "it is typed in a guest; its own tests run it"),
        answers("virtquorum-guest commit", "its own tests wait for commits with it"),
        answers("virtquorum-guest commit --timeout 10s", "its own tests wait for commits with it"),
        answers(
            "virtquorum-guest commit --timeout 10s /srv/www/orders.db",
            "its own tests wait for commits with it"),
        notRun(
            "echo \"commit 10s /srv/www/orders.db\" | socat -t 15 - UNIX-CONNECT:/run/virtquorum/commit.sock",
            "it is typed in a guest; the program's own tests speak the line over the socket"),
        answers("virtquorum-guest doctor", "as with a tree"),
        answers("virtquorum-guest archive list", "its own tests run it on a file system"),
        answers("virtquorum-guest archive show ENTRY", "its own tests run it on a file system"),
        answers(
            "virtquorum-guest archive restore ENTRY PATH --to DIRECTORY",
            "its own tests run it on a file system"),
        answers(
            "virtquorum-guest archive restore ENTRY PATH --in-place",
            "its own tests run it beside the program"),
        answers("make cost", "it takes minutes, and its figures need a quiet machine"),
        answers("make cost LIMIT=64000000", "as `make cost`"),
        answers("make image", "`make test` has built it, and its end-to-end tests run in it"),
        answers("tools/demo remove", "it would remove the demo that somebody looks at"),
        apiServer("kubectl get hac"),
        apiServer("kubectl describe hac web"),
        apiServer("kubectl explain hac.spec"),
        apiServer("kubectl annotate hac NAME virtquorum.io/audit=...", "NAME=web"),
        apiServer("kubectl annotate hac web virtquorum.io/promote=web-1"),
        apiServer(
            "kubectl -n kubevirt patch kubevirt kubevirt --type=merge -p"
                + " '{\"spec\":{\"configuration\":{\"developerConfiguration\":"
                + "{\"featureGates\":[\"Sidecar\"]}}}}'"),
        apiServer("kubectl apply --server-side -f crds/"),
        apiServer(
            "helm upgrade --install virtquorum helm/virtquorum --namespace virtquorum-system"
                + " --create-namespace --set image.repository=registry.example/virtquorum"
                + " --set image.tag=0.1"),
        apiServer(
            "kubectl -n NAMESPACE patch serviceaccount default -p"
                + " '{\"imagePullSecrets\":[{\"name\":\"registry\"}]}'",
            "NAMESPACE=default"),
        apiServer(
            "kubectl -n kubevirt patch kubevirt kubevirt --type=merge -p"
                + " '{\"spec\":{\"configuration\":{\"supportContainerResources\":[{\"type\":\"sidecar\","
                + "\"resources\":{\"requests\":{\"cpu\":\"50m\",\"memory\":\"128Mi\"},"
                + "\"limits\":{\"cpu\":\"500m\",\"memory\":\"256Mi\"}}}]}}}'"),
        withoutHelm("kubectl create namespace virtquorum-system"),
        withoutHelm(replaced("virtquorum")),
        withoutHelm("kubectl delete -f deploy/virtquorum.yaml"),
        withoutHelm(replaced("release")),
        withoutHelm(
            "kubectl -n virtquorum-system wait --for=condition=complete --timeout=300s"
                + " job/virtquorum-release"),
        withoutHelm("kubectl delete -f deploy/release.yaml"),
        // Nobody ends namespaces there.
        new Typed(
            "kubectl delete namespace virtquorum-system",
            How.WITHOUT_HELM,
            "virtquorum-system=virtquorum-system --wait=false"),
        withoutHelm(
            "kubectl delete clusterrole,clusterrolebinding -l"
                + " app.kubernetes.io/instance=virtquorum"),
        notRun(
            "kubectl -n virtquorum-system logs job/virtquorum-release",
            "needs a kubelet; the job's lines are read in ReleaseIT"),
        notRun(
            "helm test virtquorum --namespace virtquorum-system --logs",
            "needs a kubelet; AfterwardsIT runs it with another release's name"),
        notRun("helm upgrade", "no whole command; it is in the page before, and run"),
        notRun("helm uninstall", "no whole command; it is in the page before, and run"),
        notRun("helm uninstall --no-hooks", "no whole command: it names no release"),
        notRun("kubectl delete -f", "no whole command: it names no file"),
        notRun(
            "oc -n openshift-cnv annotate --overwrite hco kubevirt-hyperconverged"
                + " kubevirt.kubevirt.io/jsonpatch='[{\"op\":\"add\",\"path\":"
                + "\"/spec/configuration/developerConfiguration/featureGates/-\","
                + "\"value\":\"Sidecar\"}]'",
            "needs OpenShift; the page says that it was not tried"),
        apiServer("kubectl delete hac --all --all-namespaces"),
        apiServer("helm uninstall virtquorum --namespace virtquorum-system"),
        apiServer("kubectl delete -f crds/"),
        testbed("testbed/testbed up"),
        testbed("testbed/testbed status"),
        testbed("testbed volume add web-0 node1 1Gi", "web-0=docs-test"),
        testbed("testbed volume remove web-0", "web-0=docs-test"),
        testbed("testbed help"),
        testbed("testbed build"),
        testbed("testbed up"),
        testbed("testbed status"),
        testbed("time testbed build"),
        testbed("time testbed up"),
        testbed("testbed logs node1"),
        testbed("testbed logs virt-operator"),
        testbed("testbed kubectl -n kubevirt get pods"),
        testbed("testbed load IMAGE.tar", "IMAGE.tar=target/image.tar"),
        answers("testbed up control-plane", "a stage of `make test`"),
        answers("testbed/testbed down", "`testbed selftest cycle` runs it"),
        answers("testbed kill N", "`testbed selftest cycle` runs it"),
        answers("testbed down; time testbed up", "`testbed selftest cycle` runs both"),
        answers("testbed down && testbed up", "`testbed selftest cycle` runs both"),
        answers("testbed ssh VM", "needs a guest with sshd: `make demo` works by ssh"),
        answers("testbed selftest", "a stage of `make test`"),
        answers("testbed selftest fast", "a stage of `make test`"),
        answers("testbed selftest cycle", "it ends the testbed that other tests run on"),
        notRun("testbed/testbed kubectl", "no whole command; others that begin with it are run"),
        notRun("kubectl describe", "no whole command: it names no object"),
        notRun("kubectl get", "no whole command: it names no object"),
        notRun("kubectl get -o yaml", "no whole command: it names no object"),
        notRun(
            "skopeo copy docker-archive:target/image.tar"
                + " docker://registry.example/virtquorum:0.1",
            "needs a registry; that the archive is one is proven by the nodes, which load it"),
        notRun(
            "mvn test -Dtest=HAClusterCrdTest -Dcrd.write=true",
            "it writes into the checkout; the test itself is in this run"));
  }

  private static Typed apiServer(String command) {
    return new Typed(command, How.API_SERVER, "");
  }

  private static Typed apiServer(String command, String with) {
    return new Typed(command, How.API_SERVER, with);
  }

  private static Typed withoutHelm(String command) {
    return new Typed(command, How.WITHOUT_HELM, "");
  }

  /** A file of deploy/ with the reader's image in it. */
  private static String replaced(String file) {
    return "sed 's#docker.io/virtquorum/virtquorum:0.1.0#registry.example/virtquorum:0.1#' deploy/"
        + file
        + ".yaml | kubectl apply -f -";
  }

  private static Typed testbed(String command) {
    return new Typed(command, How.TESTBED, "");
  }

  private static Typed testbed(String command, String with) {
    return new Typed(command, How.TESTBED, with);
  }

  private static Typed answers(String command, String why) {
    return new Typed(command, How.ANSWERS, why);
  }

  private static Typed notRun(String command, String why) {
    return new Typed(command, How.NOT_RUN, why);
  }
}
