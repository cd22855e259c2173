# shellcheck shell=bash
# The programs of the control plane and of the nodes, and the command lines kubectl and helm.
# shellcheck source=testbed/build/go.sh
source "$HERE/build/go.sh" cluster

version() { (cd "$MODULES" && go list -m -f '{{.Version}}' "$1"); }
kubernetes=$(version k8s.io/kubernetes)
helm=$(version helm.sh/helm/v3)
minor=${kubernetes#v1.}
base=k8s.io/component-base/version

go_build 0 "-X $base.gitVersion=$kubernetes -X $base.gitMajor=1 -X $base.gitMinor=${minor%%.*} -X helm.sh/helm/v3/internal/version.version=$helm" "$OUT/bin" \
  k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubelet,kube-proxy,kubectl} \
  go.etcd.io/etcd/server/v3 helm.sh/helm/v3/cmd/helm
mv "$OUT/bin/server" "$OUT/bin/etcd"
"$OUT/bin/kubectl" version --client
"$OUT/bin/helm" version
