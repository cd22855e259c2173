# shellcheck shell=bash
# What the machine must have, and a sentence for each thing that it lacks.

PACKAGES=(containerd runc iptables conntrack iproute2 ethtool mmdebstrap debian-archive-keyring openssl gcc libc6-dev
  pkg-config libvirt-dev busybox-static qemu-guest-agent cpio procps psmisc libcap2-bin python3 xz-utils e2fsprogs
  openssh-client qemu-utils curl kmod)

require_root() {
  [ "$(id -u)" = 0 ] || die "this needs root: it makes network namespaces, mounts and cgroups. Run it with sudo, or as root in a virtual machine of its own."
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "this needs Linux on x86-64, not $(uname -s) on $(uname -m)."
}

require_disk() { # DIRECTORY GIB
  local free
  free=$(df -BG --output=avail "$1" | tail -n 1 | tr -dc 0-9)
  [ "$free" -ge "$2" ] || die "$1 has $free GiB free and needs $2. Make room, or point VIRTQUORUM_CACHE at another disk."
}

require_memory() { # GIB
  local free
  free=$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  [ "$free" -ge "$1" ] || die "only $free GiB of memory are available and a testbed with three guests needs $1."
}

require_kernel() {
  local controller probe=vqprobe0
  [ -e /dev/net/tun ] || modprobe tun 2>/dev/null || true
  [ -e /dev/net/tun ] || die "the kernel has no tun devices (CONFIG_TUN), which the guests' network needs."
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || true
  grep -qw overlay /proc/filesystems || die "the kernel has no overlay file system (CONFIG_OVERLAY_FS), which containers need."
  [ -e /proc/sys/net/bridge ] || modprobe br_netfilter 2>/dev/null || true
  [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || die "the kernel cannot filter bridged packets (CONFIG_BRIDGE_NETFILTER): a service could not reach a pod of the same node."
  ip link del $probe 2>/dev/null || true
  ip link add $probe type bridge 2>/dev/null || die "the kernel has no bridges (CONFIG_BRIDGE), or this container may not make any."
  ip link del $probe
  ip link add $probe type veth peer name ${probe}b 2>/dev/null || die "the kernel has no veth links (CONFIG_VETH)."
  ip link del $probe
  unshare --mount --pid --net --uts --ipc --fork true 2>/dev/null || die "namespaces cannot be made here (unshare failed): run this on a machine or in a virtual machine, not in a container without privileges."
  if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    for controller in cpu memory cpuset pids devices freezer; do
      [ -d /sys/fs/cgroup/$controller ] || die "no cgroup controller '$controller' is mounted at /sys/fs/cgroup/$controller."
    done
  fi
}

# Can the kernel make dummy links? Without them KubeVirt is built with a small change.
dummy_links() {
  if [ -z "${DUMMY:-}" ]; then
    DUMMY=no
    modprobe -q dummy 2>/dev/null || true
    if ip link add vqprobe1 type dummy 2>/dev/null; then
      ip link del vqprobe1
      DUMMY=yes
    fi
  fi
  echo "$DUMMY"
}

install_packages() {
  local missing=() package
  for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get > /dev/null || die "these Debian packages are missing and there is no apt-get to install them: ${missing[*]}"
  step "installing Debian packages: ${missing[*]}" "$CACHE/logs/packages.log" apt_install "${missing[@]}"
}

apt_install() {
  apt-get -o DPkg::Lock::Timeout=180 -qq update || return
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=180 -o APT::Acquire::Retries=3 -qq -y --no-install-recommends install "$@"
}
