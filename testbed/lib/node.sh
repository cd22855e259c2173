# shellcheck shell=bash
# The nodes: processes in namespaces of their own, seen from the host.

node_dir() { echo "$STATE/nodes/$1"; }

# in_node N COMMAND...: runs the command in all of the node's namespaces
in_node() {
  local pid
  pid=$(pid_of "node$1") || die "node$1 is not running. Start it with: testbed start $1"
  shift
  nsenter --target "$pid" --mount --uts --ipc --net --pid -- "$@"
}

# clone_images N: a containerd root out of the template. Files of images are shared by hard links (containers never write to
# them: they are lower layers), only the databases are copied.
clone_images() {
  local to database
  to=$(node_dir "$1")/containerd
  [ ! -e "$to/complete" ] || return 0
  remove_tree "$to"
  cp -al "$STATE/template" "$to" 2> /dev/null || { rm -rf "$to"; cp -a --reflink=auto "$STATE/template" "$to"; }
  find "$to" -maxdepth 2 -name '*.db' | while read -r database; do
    cp --reflink=auto "$database" "$database.own"
    mv "$database.own" "$database"
  done
  touch "$to/complete"
}

start_node() { # N; returns when its first process runs
  local n=$1 wrapper pid="" i directory
  if alive "node$n"; then return; fi
  clean_node "$n"
  for directory in kubelet kubevirt log cgroup lib testbed-volumes; do mkdir -p "$(node_dir "$n")/$directory"; done
  clone_images "$n"
  setsid nohup unshare --mount --pid --net --uts --ipc --fork --mount-proc --kill-child \
    bash "$STATE/scripts/node-init.sh" "$n" > "$STATE/logs/node$n.log" 2>&1 < /dev/null {LOCK}>&- &
  wrapper=$!
  for ((i = 0; i < 200; i++)); do
    pid=$(pgrep -P $wrapper) && break
    sleep 0.02
  done
  [ -n "$pid" ] || die "node$n did not start; see $STATE/logs/node$n.log"
  record "node$n" "$pid"
  connect_node "$n" "$pid"
}

kill_node() { # N: a power cut
  stop "node$1" KILL
  clean_node "$1"
}

# What a dead node leaves on the host.
clean_node() {
  local cgroup
  cut_links "$1"
  for cgroup in /sys/fs/cgroup/vqnode"$1" /sys/fs/cgroup/*/vqnode"$1"; do
    [ -d "$cgroup" ] || continue
    find "$cgroup" -depth -type d -exec rmdir {} + 2> /dev/null || true
  done
}

node_ready() { [ "$(k get node "node$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2> /dev/null)" = True ]; }
