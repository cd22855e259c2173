#!/usr/bin/env bash
# First process of a node, in mount, pid, network, uts and ipc namespaces of its own. Killing it is a power cut: every
# process of the node, its guests included, is gone at once. Usage: node-init.sh N (from the state directory's scripts)
set -euo pipefail
n=$1
STATE=/var/lib/virtquorum-testbed
node=$STATE/nodes/$n
scripts=$STATE/scripts
export PATH=$STATE/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

mounts() {
  mount --make-rprivate /
  mount --make-rshared / # virt-handler needs shared mounts; the host must not see them
  mount --rbind /sys/fs/cgroup "$node/cgroup"
  mount -t sysfs sysfs /sys
  mount --rbind "$node/cgroup" /sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir -p /run/lock /run/netns /run/cni/net.d
  : > /run/resolv.conf # nothing to resolve with: the testbed has no DNS
  mount --bind "$node/log" /var/log
  mkdir -p /var/log/pods
  # a /var/lib of its own, so that nothing is made in the host's
  mount -t tmpfs -o mode=755 tmpfs "$node/lib"
  mkdir "$node/lib/virtquorum-testbed"
  mount --bind $STATE "$node/lib/virtquorum-testbed"
  local directory
  for directory in kubelet kubevirt containerd testbed-volumes; do
    mkdir "$node/lib/$directory"
    mount --bind "$node/$directory" "$node/lib/$directory"
  done
  mount --rbind "$node/lib" /var/lib
}

network() {
  local i other
  for ((i = 0; i < 200; i++)); do # the host puts the two links here
    [ -e /sys/class/net/eth0 ] && [ -e /sys/class/net/sync-up ] && break
    sleep 0.05
  done
  ip link set lo up
  ip addr add "10.89.0.1$n/24" dev eth0
  ip link set eth0 up
  ip route add default via 10.89.0.1
  for other in 1 2 3; do
    [ "$other" = "$n" ] || ip route add "10.88.$other.0/24" via "10.89.0.1$other"
  done
  ip link add vqsync type bridge
  ip link set sync-up master vqsync
  ip link set sync-up up
  ip link set vqsync up
  sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.bridge.bridge-nf-call-iptables=1
}

cgroups() { # one root a node, below which its kubelet makes those of its pods
  local controller file
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then # version 2
    echo "+cpu +cpuset +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control || true
    mkdir -p "/sys/fs/cgroup/vqnode$n"
    echo "+cpu +cpuset +memory +pids" > "/sys/fs/cgroup/vqnode$n/cgroup.subtree_control"
    return
  fi
  for controller in /sys/fs/cgroup/*/; do
    if [ -f "$controller/cgroup.procs" ]; then mkdir -p "$controller/vqnode$n"; fi
  done
  for file in cpus mems; do # not inherited by a new cpuset
    cat "/sys/fs/cgroup/cpuset/cpuset.$file" > "/sys/fs/cgroup/cpuset/vqnode$n/cpuset.$file"
  done
}

configure() {
  local file
  for file in containerd.toml kubelet.yaml kube-proxy.yaml; do
    sed -e "s#@STATE@#$STATE#g" -e "s#@N@#$n#g" "$scripts/$file" > "/run/$file"
  done
  sed -e "s#@STATE@#$STATE#g" -e "s#@N@#$n#g" "$scripts/multus.json" > /run/cni/net.d/00-multus.conf
}

# keep NAME COMMAND...: starts it again whenever it ends
keep() {
  local name=$1; shift
  while :; do
    "$@" >> "/var/log/$name.log" 2>&1 || true
    echo "$(date -u +%FT%TZ) $name ended; starting it again" >> /var/log/node.log
    sleep 1
  done
}

hostname "node$n"
mounts
cgroups
network
configure
keep containerd containerd -c /run/containerd.toml &
for ((i = 0; i < 400; i++)); do
  ctr version > /dev/null 2>&1 && break
  sleep 0.1
done
keep kubelet kubelet --config=/run/kubelet.yaml --kubeconfig="$STATE/node$n.kubeconfig" --hostname-override="node$n" --node-ip="10.89.0.1$n" --v=1 &
keep kube-proxy kube-proxy --config=/run/kube-proxy.yaml --hostname-override="node$n" &
trap 'exit 0' TERM
while :; do # as a first process must: reap what the dead leave behind
  wait -n || true
  sleep 1
done
