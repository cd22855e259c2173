# shellcheck shell=bash
# What is there, in one screen; and the logs.

status() {
  local name pid n code=0
  if ! any_alive; then
    if [ -e "$STATE" ]; then echo "The testbed is dead; its remains are in $STATE. 'testbed up' makes a new one."; else echo "The testbed is down. 'testbed up' makes one."; fi
    return 1
  fi
  echo "PROCESS                      PID    MEMORY"
  for name in "${CONTROL_PLANE[@]}"; do
    if pid=$(pid_of "$name"); then printf '%-24s %7s %6s MiB\n' "$name" "$pid" "$(resident "$pid")"; else printf '%-24s %7s\n' "$name" dead; code=1; fi
  done
  for n in "${NODES[@]}"; do
    if pid=$(pid_of "node$n"); then printf '%-24s %7s %6s MiB  %s\n' "node$n" "$pid" "$(node_memory "$n" "$pid")" "$(node_address "$n")"; else printf '%-24s %7s\n' "node$n" dead; code=1; fi
  done
  echo
  if api_ready; then
    k get nodes -o 'custom-columns=NODE:.metadata.name,VERSION:.status.nodeInfo.kubeletVersion,READY:.status.conditions[?(@.type=="Ready")].status,ADDRESS:.status.addresses[0].address'
    echo
    echo "KubeVirt:   $(kubevirt_phase) $(k -n kubevirt get kubevirt kubevirt -o 'jsonpath={.status.observedKubeVirtVersion}' 2> /dev/null)"
    echo "VMs:        $(k get vmi -A --no-headers 2> /dev/null | wc -l) running instances"
  else
    echo "The API server does not answer; see: testbed logs kube-apiserver"
    code=1
  fi
  echo "KUBECONFIG: $KUBECONFIG_FILE"
  echo "ssh key:    $STATE/id_ed25519 (root in guest-debian)"
  for n in "${NODES[@]}"; do
    if alive "node$n"; then
      printf 'images:     %s\n' "$(list_images "$n" | sed 's#docker.io/##' | tr '\n' ' ')"
      break
    fi
  done
  echo "services:   $(ip route show "$SERVICE_RANGE")"
  echo "host:       $(awk '/^MemTotal/ {t = $2} /^MemAvailable/ {a = $2} END {printf "%.1f of %.1f GiB of memory available", a / 1048576, t / 1048576}' /proc/meminfo), $(df -h --output=avail "$STATE" | tail -n 1 | tr -d ' ') of disk free"
  return $code
}

resident() { awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$1/status"; }

# node_memory N PID: what the node's own processes have for themselves, and its pods with their guests
node_memory() {
  local namespace p total=0 kib
  namespace=$(readlink "/proc/$2/ns/uts")
  for p in /proc/[0-9]*; do
    [ "$(readlink "$p/ns/uts" 2> /dev/null)" = "$namespace" ] || continue
    kib=$(awk '/^RssAnon/ {print $2}' "$p/status" 2> /dev/null) || continue
    total=$((total + ${kib:-0}))
  done
  for p in "/sys/fs/cgroup/memory/vqnode$1" "/sys/fs/cgroup/vqnode$1"; do
    kib=$(awk '$1 == "total_rss" || $1 == "anon" {print int($2 / 1024); exit}' "$p/memory.stat" 2> /dev/null) || continue
    total=$((total + ${kib:-0}))
  done
  echo $((total / 1024))
}

logs() {
  local what=${1:-}
  case $what in
    "")
      echo "Which log? Of the host:  ${CONTROL_PLANE[*]} node1 node2 node3 (from $STATE/logs and the nodes)"
      echo "Of KubeVirt:            virt-operator virt-api virt-controller virt-handler"
      echo "Of the build:           $(cd "$CACHE/logs" 2> /dev/null && echo ./*.log) in $CACHE/logs" ;;
    node*)
      local n; n=$(node_number "$what")
      tail -n "${LINES_SHOWN:-40}" "$STATE/logs/node$n.log" "$(node_dir "$n")"/log/*.log ;;
    virt-*) k -n kubevirt logs -l "kubevirt.io=$what" --tail="${LINES_SHOWN:-100}" --prefix ;;
    *)
      [ -r "$STATE/logs/$what.log" ] || die "there is no log '$what'. 'testbed logs' lists them."
      tail -n "${LINES_SHOWN:-100}" "$STATE/logs/$what.log" ;;
  esac
}
