#!/usr/bin/env bash
# Runs a command as if on a machine of its own, with namespaces, network, cgroups and a state directory apart from those of the
# testbed that may be running here. Usage: contained.sh COMMAND...   (cgroup version 1 only)
set -euo pipefail
STATE=/var/lib/virtquorum-testbed

if [ "${1:-}" != --inside ]; then
  own=testbed-contained-$$
  scratch=$(mktemp -d /var/lib/testbed-contained.XXXXXX)
  had_state=$([ -e $STATE ] && echo yes || echo no)
  controllers=()
  for controller in /sys/fs/cgroup/*/; do
    [ -f "$controller/cgroup.clone_children" ] || continue
    controllers+=("$controller")
    mkdir "$controller$own"
    for file in cpuset.cpus cpuset.mems; do
      if [ -f "$controller$file" ]; then cat "$controller$file" > "$controller$own/$file"; fi
    done
  done
  code=0
  (
    for controller in "${controllers[@]}"; do echo "$BASHPID" > "$controller$own/cgroup.procs"; done
    exec unshare --cgroup --mount --net --pid --uts --ipc --fork --mount-proc --kill-child "$0" --inside "$scratch" "$@"
  ) || code=$?
  sleep 0.5
  for controller in "${controllers[@]}"; do find "$controller$own" -depth -type d -exec rmdir {} + 2> /dev/null || true; done
  rm -rf --one-file-system "$scratch"
  [ "$had_state" = yes ] || rmdir $STATE 2> /dev/null || true
  exit $code
fi

scratch=$2
shift 2
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
while IFS=: read -r _ names _; do
  [ -n "$names" ] || continue
  directory=/sys/fs/cgroup/${names#name=}
  mkdir "$directory"
  case $names in
    name=*) mount -t cgroup -o "none,$names" cgroup "$directory" ;;
    *) mount -t cgroup -o "$names" cgroup "$directory" ;;
  esac
done < /proc/self/cgroup
# a /var/lib of its own on the same disk: everything that is in the host's but the testbed
for entry in /var/lib/*; do
  if [ "$entry" != "$STATE" ] && [ "$entry" != "$scratch" ] && [ -d "$entry" ]; then
    mkdir "$scratch/${entry##*/}"
    mount --bind "$entry" "$scratch/${entry##*/}"
  fi
done
mount --rbind "$scratch" /var/lib
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock /run/mount
ip link set lo up
"$@"
