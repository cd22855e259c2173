# shellcheck shell=bash
# Up and down.

lock() {
  [ -z "${LOCK:-}" ] || return 0
  mkdir -p /run/lock
  exec {LOCK}> /run/lock/virtquorum-testbed.lock
  flock -n "$LOCK" && return
  say "another testbed command is changing the testbed; waiting for it (at most 15 minutes)"
  flock -w 900 "$LOCK" || die "the other testbed command has not ended within 15 minutes. Who holds it: fuser -v /run/lock/virtquorum-testbed.lock"
}

components() { printf '%s\n' "${CONTROL_PLANE[@]}" "${NODES[@]/#/node}"; }

any_alive() { local name; for name in $(components); do if alive "$name"; then return 0; fi; done; return 1; }
all_alive() { local name; for name in $(components); do alive "$name" || return 1; done; }

healthy() {
  local n
  all_alive && api_ready && kubevirt_deployed || return 1
  for n in "${NODES[@]}"; do
    node_ready "$n" && link_exists "vqn$n" && link_exists "vqs$n" || return 1
  done
}

# Copies of everything that runs: neither a deleted checkout nor a cleaned cache hurts a running testbed.
install_state() {
  mkdir -p "$STATE"/{pids,logs,nodes,loaded,scripts,manifests}
  chmod 711 "$STATE"
  cp "$HERE"/node/* "$STATE/scripts/"
  cp "$HERE"/manifests/* "$(piece_dir kubevirt)"/*.yaml "$(piece_dir kubevirt)/version" "$STATE/manifests/"
  [ -d "$STATE/bin" ] || copy_tree "$(piece_dir cluster)/bin" "$STATE/bin"
  [ -d "$STATE/cni" ] || copy_tree "$(piece_dir cni)/cni" "$STATE/cni"
  if [ ! -d "$STATE/template" ]; then
    copy_tree "$(piece_dir node-template)/containerd" "$STATE/template"
    local piece
    for piece in guest-small guest-debian; do echo "${PIECE_KEYS[$piece]}" > "$STATE/loaded/$piece"; done
  fi
  install -m 600 "$(piece_dir guest-key)/id_ed25519" "$STATE/id_ed25519"
  [ -e "$STATE/versions" ] || versions > "$STATE/versions"
}

# What a running testbed was made from, but for the guests, which can be replaced while it runs.
versions() { echo "cluster ${PIECE_KEYS[cluster]} cni ${PIECE_KEYS[cni]} kubevirt ${PIECE_KEYS[kubevirt-image]}"; }

copy_tree() { # hard links where that is possible
  rm -rf "$2.new"
  cp -al "$1" "$2.new" 2> /dev/null || { rm -rf "$2.new"; cp -a --reflink=auto "$1" "$2.new"; }
  mv "$2.new" "$2"
}

up() {
  require_root
  build
  lock
  if [ -e "$STATE/part" ]; then
    say "removing a control plane that was alone"
    clear_all
  fi
  if healthy; then
    [ "$(cat "$STATE/versions")" = "$(versions)" ] || warn "the running testbed was made from other versions. To replace it: testbed down, then testbed up"
    refresh_guests
    say "the testbed is up. KUBECONFIG=$KUBECONFIG_FILE"
    return
  fi
  require_kernel
  if any_alive; then
    say "the testbed is not well: mending it"
  else
    [ ! -e "$STATE" ] || say "clearing what a testbed that was not taken down has left"
    clear_all
    require_memory 8
  fi
  require_disk "$(dirname "$STATE")" 6
  save_state_and_start
  wait_for 240 "the three nodes to be ready" "testbed logs node1 (and node2, node3)" all_nodes_ready
  say "nodes ready"
  wait_for 600 "KubeVirt to be deployed" "testbed logs virt-operator; testbed kubectl -n kubevirt get pods" kubevirt_deployed
  refresh_guests
  say "the testbed is up. KUBECONFIG=$KUBECONFIG_FILE"
}

# A Kubernetes without nodes: an API server with its controllers, and nothing that would run a pod or a VM.
up_control_plane() {
  require_root
  build
  lock
  [ -e "$STATE/part" ] || ! any_alive || die "a testbed is up already. To replace it: testbed down, then testbed up control-plane"
  clear_all
  prepare_host
  touch "$STATE/part"
  start_control_plane
  say "the control plane is up, without nodes and KubeVirt. KUBECONFIG=$KUBECONFIG_FILE"
}

prepare_host() {
  install_state
  save_settings
  make_pki
  start_network
}

save_state_and_start() {
  local n
  prepare_host
  for n in "${NODES[@]}"; do start_node "$n"; done
  route_services
  start_control_plane
  say "control plane ready"
  apply_manifests
  wait_for 180 "the nodes to register" "testbed logs node1 (and node2, node3)" k get node "${NODES[@]/#/node}"
  # KubeVirt's infrastructure wants such a node: let it be any, so that it moves when a node dies
  k label node "${NODES[@]/#/node}" node-role.kubernetes.io/control-plane= --overwrite > /dev/null
  say "KubeVirt applied"
}

all_nodes_ready() { local n; for n in "${NODES[@]}"; do node_ready "$n" || return 1; done; }

down() {
  require_root
  lock
  if [ ! -e "$STATE" ] && ! link_exists "$FABRIC"; then
    say "there is no testbed"
    return
  fi
  clear_all
  say "the testbed is gone"
}

# Ends and removes everything that belongs to a testbed, recorded or not.
clear_all() {
  local n name pid i
  for n in "${NODES[@]}"; do stop "node$n" KILL; done
  for name in kube-scheduler kube-controller-manager kube-apiserver etcd; do stop "$name"; done
  for pid in $(strays); do kill -9 "$pid" 2> /dev/null || true; done
  for ((i = 0; i < 100; i++)); do
    [ -n "$(strays)" ] || break
    sleep 0.1
  done
  [ -z "$(strays)" ] || die "these processes of a former testbed do not die: $(strays | tr '\n' ' ')"
  for n in "${NODES[@]}"; do clean_node "$n"; done
  stop_network
  restore_settings
  remove_tree "$STATE"
}

# Processes that run the testbed's own copies of programs and scripts: its fixed place tells them from everybody else's.
strays() {
  local directory executable
  for directory in /proc/[0-9]*; do
    executable=$(readlink "$directory/exe" 2> /dev/null) || continue
    if [[ $executable == "$STATE"/* ]] || grep -qzxF "$STATE/scripts/node-init.sh" "$directory/cmdline" 2> /dev/null; then
      echo "${directory#/proc/}"
    fi
  done
}
