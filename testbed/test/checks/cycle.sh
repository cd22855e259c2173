# shellcheck shell=bash
# Down leaves nothing, up mends a killed testbed. Ends what runs.

# what the host looks like, without what changes by itself
host() {
  {
    ip -o link | awk '{print $2, $3}' | sed 's/<.*>//'
    ip -o addr | awk '{print $2, $3, $4}'
    ip route
    ip rule
    iptables -S
    iptables -t nat -S
    find /sys/fs/cgroup -type d
    awk '{print $5, $9}' /proc/self/mountinfo
    ip netns list
    ls /var/lib /etc /etc/cni /opt /usr/libexec /run 2> /dev/null
    sysctl vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes \
      fs.inotify.max_user_instances fs.inotify.max_user_watches net.netfilter.nf_conntrack_max net.ipv4.ip_forward net.ipv4.conf.all.route_localnet
    pgrep -c '^(etcd|kube|containerd|virt-|qemu-system|libvirtd|multus)'
  } 2> /dev/null
}

same_host() { diff <(echo "$1") <(host); }

kill_everything() { # as when a machine stops, or a CI run ends
  local record
  for record in /var/lib/virtquorum-testbed/pids/*; do kill -9 "$(cut -d' ' -f1 "$record")"; done
  sleep 1
  ! "$TESTBED" status
}

up_from_a_copy_that_is_gone() { # the checkout that starts a testbed may be deleted while it runs
  local copy
  copy=$(mktemp -d)
  cp -r "$HERE/." "$copy/"
  "$copy/testbed" up && rm -rf "$copy" && "$TESTBED" kill 3 && "$TESTBED" start 3 && "$TESTBED" up
}

cycle_checks() {
  local before
  check "down" "$TESTBED" down
  before=$(host)
  check "up by a checkout that is deleted then, node 3 killed and started" up_from_a_copy_that_is_gone
  check "the running testbed" "$TESTBED" status
  check "everything killed at once" kill_everything
  check "up after that" "$TESTBED" up
  check "down" "$TESTBED" down
  check "nothing is left" same_host "$before"
  check "down again says that there is nothing" "$TESTBED" down
  [ -n "${APART:-}" ] || check "up" "$TESTBED" up
}
