# shellcheck shell=bash
# The VMs, as somebody sees them who has no part in VirtQuorum: by login, by HTTP, and as processes.

MEMBERS=(web-0 web-1 web-2)
PAGE=/srv/www/index.html
declare -A PAGE_OF=()
ASKING=''

node_of() { echo $((${1#web-} + 1)); } # web-0's disk is on node1, and so on

pod_address() { # VM
  kubectl -n demo get vmi "$1" -o 'jsonpath={.status.interfaces[?(@.name=="default")].ipAddress}'
}

# in_guest VM COMMAND...: runs the commands in one login and shows each with its output, which is also left in SAID
in_guest() {
  local vm=$1 command script=''
  shift
  for command in "$@"; do script+="printf '\\001%s\\n' $(printf %q "$command"); $command || exit; "; done
  tell "In $vm (testbed/testbed ssh $vm -n demo):"
  SAID=$(timeout --foreground 60 testbed/testbed ssh "$vm" -n demo "bash -c $(printf %q "$script")" 2>&1) ||
    fail "the commands to work in $vm" "$SAID" "testbed/testbed ssh $vm -n demo"
  show_said <<< "$SAID"
  SAID=$(grep -v $'^\001' <<< "$SAID" || true)
}

show_said() {
  local line
  while IFS= read -r line; do
    if [[ $line == $'\001'* ]]; then shown "${line#?}"; else output <<< "$line"; fi
  done
}

at_address() { # COMMAND: as the user, at the Service's address
  timeout --foreground 60 ssh -i "$STATE/id_ed25519" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
    -o ConnectTimeout=10 "root@$ADDRESS" "$1"
}

show_pages() { # the page of each VM, from its own web server
  local vm address
  for vm in "${MEMBERS[@]}"; do
    address=$(pod_address "$vm")
    shown "curl http://$address/   # $vm"
    PAGE_OF[$vm]=$(curl -sS -m 20 "http://$address/" 2>&1) || true
    output <<< "${PAGE_OF[$vm]}"
  done
}

sync_bytes() { # that the nodes have sent into the sync network's bridge so far
  local total=0 file
  for file in /sys/class/net/vqs[123]/statistics/rx_bytes; do total=$((total + $(< "$file"))); done
  echo $total
}

reachable() {
  timeout --foreground 15 testbed/testbed ssh "$1" -n demo 'mountpoint -q /srv && systemctl -q is-active web' > /dev/null 2>&1
}

# wait_until SECONDS WHAT LOOK COMMAND...: polls something that VirtQuorum has no part in
wait_until() {
  local limit=$1 what=$2 look=$3 began
  shift 3
  began=$(now)
  until "$@"; do
    if [ $(($(now) - began)) -ge $((limit * 1000)) ]; then fail "$what within $limit s" "it did not happen" "$look"; fi
    sleep 0.1
  done
}

ask() { # TEXT: asks for the page ten times a second; a line each: begin, end, outcome
  local began page outcome
  while :; do
    began=$(now)
    page=$(curl -s -m 1 "http://$ADDRESS/" 2> /dev/null) || page=''
    case $page in
      "") outcome=silence ;;
      *"$1"*) outcome=answer ;;
      *) outcome=wrong ;;
    esac
    echo "$began $(now) $outcome" >> "$WORK/asked"
    sleep 0.1
  done
}

stop_asking() {
  if [ -n "$ASKING" ]; then kill "$ASKING" 2> /dev/null || true; fi
  ASKING=''
}

answered_after() { # MILLISECONDS: a request that began after then was answered
  awk -v t="$1" '$1 > t && $3 == "answer" {found = 1; exit} END {exit !found}' "$WORK/asked"
}

qemu_of() { # VM: its QEMU process
  local file
  file=$(grep -lzs "^guest=demo_$1," /proc/[0-9]*/cmdline | head -n 1)
  file=${file#/proc/}
  [[ $(cat "/proc/${file%/cmdline}/comm" 2> /dev/null) == *qemu* ]] && echo "${file%/cmdline}"
}

gone() { # PROCESS: dead, even if nobody has taken notice
  ! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"
}
