# shellcheck shell=bash
# KubeVirt's programs and its manifests. Everything with one setting of cgo (virt-handler and virt-launcher need it), so
# that its packages are compiled once.
# shellcheck source=testbed/build/go.sh
source "$HERE/build/go.sh" kubevirt

source_dir=$(cd "$MODULES" && go mod download -json kubevirt.io/kubevirt@"$(go list -m -f '{{.Version}}' kubevirt.io/kubevirt)" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p')

if [ "$DUMMY_LINKS" = no ]; then
  # This kernel has no dummy links, one of which KubeVirt's bridge binding puts in the pod: a bridge without ports does as
  # well. The patched copy is made here and never kept.
  patched=$OUT/../kubevirt-patched
  rm -rf "$patched"
  mkdir -p "$patched"
  cp -r "$source_dir/." "$patched/"
  chmod -R u+w "$patched"
  rm -rf "$patched/staging"
  sed -i 's/nmstate\.TypeDummy/nmstate.TypeBridge/' "$patched/pkg/network/setup/netpod/netpod.go"
  grep -q nmstate.TypeBridge "$patched/pkg/network/setup/netpod/netpod.go"
  cp "$MODULES/go.sum" "$patched/patched.sum"
  { cat "$MODULES/go.mod"; echo "replace kubevirt.io/kubevirt => $(realpath "$patched")"; } > "$patched/patched.mod"
  MODFILE=("-modfile=$(realpath "$patched")/patched.mod")
fi

go_build 1 "" "$OUT/bin" kubevirt.io/kubevirt/cmd/{virt-operator,virt-api,virt-controller,virt-handler,virt-launcher,virt-launcher-monitor,virt-chroot,virt-tail,virt-freezer,virt-probe}
go_build 1 "" "$OUT/tools" kubevirt.io/kubevirt/tools/resource-generator
gcc -static -O2 -o "$OUT/bin/container-disk" "$source_dir/cmd/container-disk-v2alpha/main.c"
for type in kv operator-rbac priorityclass; do
  "$OUT/tools/resource-generator" --type=$type --namespace=kubevirt > "$OUT/$type.yaml"
done
rm -rf "$OUT/tools" "$OUT/../kubevirt-patched"
install -m 644 "$source_dir"/cmd/virt-launcher/{qemu.conf,virtqemud.conf} "$OUT/"
(cd "$MODULES" && go list -m -f '{{.Version}}' kubevirt.io/kubevirt) > "$OUT/version"
