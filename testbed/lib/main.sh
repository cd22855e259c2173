# shellcheck shell=bash
# The verbs.

help() {
  cat <<END
A real three-node Kubernetes with Multus and KubeVirt on this machine, for VirtQuorum. It needs root.

  testbed up                  build what is missing, start or mend the testbed; does nothing when all is well
  testbed up control-plane    the API server and its controllers only, for tests; 'testbed down' ends it
  testbed status              one screen: processes, nodes, KubeVirt, images, memory; exit code 0 when nothing is dead
  testbed kubectl ARGS...     kubectl with the testbed's kubeconfig
  testbed helm ARGS...        helm with the testbed's kubeconfig
  testbed down                end everything and remove every trace, the VMs and volumes too (the build cache stays)

  testbed load IMAGE.tar...   give image archives (docker-archive or OCI) to all nodes; there is no registry
  testbed applications        build the guest with nginx, SQLite, PostgreSQL and git, and give it to all nodes
  testbed volume add NAME NODE SIZE    a PersistentVolume on a node (storage class "$STORAGE_CLASS"): volume add web-0 node1 2Gi
  testbed volume remove NAME  remove it together with its data
  testbed ssh VM [-n NAMESPACE] [COMMAND...]    log in as root to a VM that runs guest-debian
  testbed kill N              cut the power of node N: all its processes are gone at once
  testbed start N             start node N again
  testbed exec N COMMAND...   run a command inside node N (ctr, iptables, ip, ...)
  testbed logs [WHAT]         a component's log; without WHAT, says what there is
  testbed build               only build (about ten minutes the first time, then a second)
  testbed selftest            check the scripts and the running testbed

In trouble? 'testbed status' first, then 'testbed logs'; 'testbed down' and 'testbed up' make a new one in two minutes.
The kubeconfig is $KUBECONFIG_FILE; built things are in $CACHE (VIRTQUORUM_CACHE moves it); README.md in
testbed/ has a table of troubles.
END
}

need_up() { alive kube-apiserver || die "the testbed is not up. Start it with: testbed up"; }

main() {
  local verb=${1:-help}
  [ $# = 0 ] || shift
  case $verb in
    build) build ;;
    up)
      case ${1:-} in
        "") up ;;
        control-plane) up_control_plane ;;
        *) die "usage: testbed up [control-plane]" ;;
      esac ;;
    down) down ;;
    status) require_root; status ;;
    kill)
      require_root; [ $# = 1 ] || die "usage: testbed kill N"
      lock; local n; n=$(node_number "$1")
      kill_node "$n"; route_services
      say "node$n is dead" ;;
    start)
      require_root; [ $# = 1 ] || die "usage: testbed start N"
      lock; need_up; local n; n=$(node_number "$1")
      start_node "$n"; route_services
      say "node$n is starting" ;;
    load)
      require_root; [ $# -ge 1 ] || die "usage: testbed load IMAGE.tar..."
      lock; load_images "$@"; say "loaded: $*" ;;
    applications) require_root; lock; need_up; applications ;;
    volume) require_root; volume "$@" ;;
    kubectl) need_up; exec "$STATE/bin/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@" ;;
    helm) need_up; exec "$STATE/bin/helm" --kubeconfig "$KUBECONFIG_FILE" "$@" ;;
    ssh) need_up; guest_ssh "$@" ;;
    exec)
      require_root; [ $# -ge 2 ] || die "usage: testbed exec N COMMAND..."
      local n; n=$(node_number "$1"); shift
      in_node "$n" "$@" ;;
    logs) require_root; logs "$@" ;;
    selftest) require_root; exec bash "$HERE/test/selftest.sh" "$@" ;;
    help | --help | -h) help ;;
    *) echo "testbed: there is no verb '$verb'." >&2; help >&2; exit 2 ;;
  esac
}

guest_ssh() {
  local vm=${1:-} namespace=default address
  [ -n "$vm" ] || die "usage: testbed ssh VM [-n NAMESPACE] [COMMAND...]"
  shift
  if [ "${1:-}" = -n ]; then namespace=${2:-}; shift 2; fi
  address=$(k -n "$namespace" get vmi "$vm" -o 'jsonpath={.status.interfaces[?(@.name=="default")].ipAddress}' 2> /dev/null) || true
  [ -n "$address" ] || die "VM $vm in namespace $namespace does not run or has no address yet; see: testbed kubectl -n $namespace get vmi"
  exec ssh -i "$STATE/id_ed25519" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=10 "root@$address" "$@"
}
