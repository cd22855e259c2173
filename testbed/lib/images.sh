# shellcheck shell=bash
# Images in the nodes. There is no registry: archives are imported.

# load_images ARCHIVE...: into every node that runs
load_images() {
  local archive n any=0
  for archive in "$@"; do
    [ -r "$archive" ] || die "there is no image archive $archive"
  done
  for n in "${NODES[@]}"; do
    alive "node$n" || { warn "node$n is not running and does not get the image"; continue; }
    any=1
    for archive in "$@"; do
      in_node "$n" ctr -n k8s.io images import - < "$archive" >> "$STATE/logs/load-node$n.log" 2>&1 || die "node$n refused $archive; see $STATE/logs/load-node$n.log"
    done
  done
  [ $any = 1 ] || die "no node is running. Start the testbed with: testbed up"
}

# Guests that were built anew since the nodes got theirs.
refresh_guests() {
  local piece key
  for piece in guest-small guest-debian; do
    key=${PIECE_KEYS[$piece]}
    [ "$(cat "$STATE/loaded/$piece" 2> /dev/null)" != "$key" ] || continue
    say "loading the new $piece image"
    load_images "$(piece_dir "$piece")/image.tar"
    mkdir -p "$STATE/loaded"
    echo "$key" > "$STATE/loaded/$piece"
  done
}

# The guest with applications, which takes room and time, and which only tools/applications needs.
applications() {
  build
  find_key guest-applications
  make_piece guest-applications
  load_images "$(piece_dir guest-applications)/image.tar"
  say "the nodes have testbed/guest-applications:1"
}

list_images() { # N
  in_node "$1" ctr -n k8s.io images ls -q | grep -v -e '^sha256:' -e '@sha256' | sort
}
