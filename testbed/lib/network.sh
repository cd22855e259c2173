# shellcheck shell=bash
# The host's side of the network: two bridges, routes to the pods and the services, and the settings of the kernel that
# nodes change or need. `down` takes all of it back.

# Settings of the whole kernel that kubelet and kube-proxy set, or that three nodes need; restored by `down`.
SHARED_SETTINGS=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
  kernel.keys.root_maxbytes fs.inotify.max_user_instances fs.inotify.max_user_watches net.netfilter.nf_conntrack_max)

save_settings() {
  local name value
  [ ! -e "$STATE/settings" ] || return 0
  for name in "${SHARED_SETTINGS[@]}"; do
    value=$(sysctl -n "$name" 2> /dev/null) || continue
    echo "$name=$value"
  done > "$STATE/settings.new"
  mv "$STATE/settings.new" "$STATE/settings"
  raise fs.inotify.max_user_instances 8192
  raise fs.inotify.max_user_watches 524288
}

raise() { [ "$(sysctl -n "$1")" -ge "$2" ] || sysctl -qw "$1=$2"; }

restore_settings() {
  [ -e "$STATE/settings" ] || return 0
  local setting
  while read -r setting; do
    [ "$(sysctl -n "${setting%%=*}" 2> /dev/null)" = "${setting#*=}" ] || sysctl -qw "$setting" 2> /dev/null || true
  done < "$STATE/settings"
}

link_exists() { [ -e "/sys/class/net/$1" ]; }

start_network() {
  local n
  link_exists "$FABRIC" || ip link add "$FABRIC" type bridge
  ip addr replace "$HOST_ADDRESS/24" dev "$FABRIC"
  ip link set "$FABRIC" up
  link_exists "$SYNC_FABRIC" || ip link add "$SYNC_FABRIC" type bridge
  ip link set "$SYNC_FABRIC" up
  for n in "${NODES[@]}"; do ip route replace "$(node_pods "$n")" via "$(node_address "$n")" dev "$FABRIC"; done
  # where something else on this host (Docker, say) drops forwarded packets by default, bridged ones are dropped too
  if [[ $(iptables -S FORWARD 2> /dev/null) == *"-P FORWARD DROP"* ]]; then
    for n in "$FABRIC" "$SYNC_FABRIC"; do
      iptables -C FORWARD -i "$n" -o "$n" -j ACCEPT 2> /dev/null || iptables -I FORWARD -i "$n" -o "$n" -j ACCEPT
    done
  fi
}

# The services' addresses are reached through the kube-proxy of a node that lives.
route_services() {
  local n
  for n in "${NODES[@]}"; do
    if alive "node$n"; then
      ip route replace "$SERVICE_RANGE" via "$(node_address "$n")" dev "$FABRIC"
      return
    fi
  done
  ip route del "$SERVICE_RANGE" 2> /dev/null || true
}

stop_network() {
  local n link
  for link in "$FABRIC" "$SYNC_FABRIC"; do
    while iptables -D FORWARD -i "$link" -o "$link" -j ACCEPT 2> /dev/null; do :; done
  done
  for n in "${NODES[@]}"; do cut_links "$n"; done
  for link in "$FABRIC" "$SYNC_FABRIC"; do
    if link_exists "$link"; then ip link del "$link"; fi # its routes go with it
  done
}

# connect_node N PID: puts the node's two links in its network namespace
connect_node() {
  cut_links "$1"
  ip link add "vqn$1" type veth peer name eth0 netns "$2"
  ip link set "vqn$1" master "$FABRIC" up
  ip link add "vqs$1" type veth peer name sync-up netns "$2"
  ip link set "vqs$1" master "$SYNC_FABRIC" up
}

cut_links() {
  local link
  for link in "vqn$1" "vqs$1"; do
    if link_exists "$link"; then ip link del "$link" 2> /dev/null || true; fi
  done
}
