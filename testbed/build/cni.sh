# shellcheck shell=bash
# Multus and the plugins that it calls.
# shellcheck source=testbed/build/go.sh
source "$HERE/build/go.sh" cni

plugins=github.com/containernetworking/plugins/plugins
go_build 0 "" "$OUT/cni" gopkg.in/k8snetworkplumbingwg/multus-cni.v4/cmd/multus \
  $plugins/main/{bridge,loopback,macvlan} $plugins/ipam/host-local $plugins/meta/{portmap,tuning}
