# shellcheck shell=bash
# Everything that the testbed runs is built in pieces. A piece is a directory of the cache named after the content of what
# makes it, so a change of the guest's init rebuilds the guest only, and a piece that is there is complete.

# What decides a piece's content, relative to testbed/.
piece_inputs() {
  case $1 in
    cluster) echo build/cluster.sh build/go.sh go/cluster/go.mod go/cluster/go.sum ;;
    cni) echo build/cni.sh build/go.sh go/cni/go.mod go/cni/go.sum ;;
    kubevirt) echo build/kubevirt.sh build/go.sh go/kubevirt/go.mod go/kubevirt/go.sum ;;
    launcher-root) echo build/launcher-root.sh build/debian.sh ;;
    kubevirt-image) echo build/kubevirt-image.sh images/docker-archive.py images/virtqemud images/node-labeller.sh ;;
    pause-image) echo build/pause-image.sh images/docker-archive.py ;;
    guest-key) echo build/guest-key.sh ;;
    guest-program) (cd "$HERE" && echo build/guest-program.sh build/go.sh && find ../guest -type f ! -name '*_test.go' ! -path '*/testdata/*' | LC_ALL=C sort) ;;
    guest-small) echo build/guest-small.sh build/debian.sh build/boot-files.sh images/docker-archive.py guest/small/* guest/common/* ;;
    guest-debian) echo build/guest-debian.sh build/debian.sh build/boot-files.sh images/docker-archive.py guest/debian/* guest/common/* ;;
    guest-applications) echo build/guest-applications.sh build/boot-files.sh images/docker-archive.py guest/applications/* ;;
    node-template) echo build/node-template.sh ;;
    *) die "no piece is called '$1'" ;;
  esac
}

# The pieces that a piece is made from.
piece_parts() {
  case $1 in
    kubevirt-image) echo kubevirt launcher-root ;;
    guest-small) echo guest-program ;;
    guest-debian) echo guest-key guest-program ;;
    guest-applications) echo guest-debian ;;
    node-template) echo kubevirt-image pause-image guest-small guest-debian ;;
  esac
}

piece_label() {
  case $1 in
    cluster) echo "Kubernetes $(module_version cluster k8s.io/kubernetes), etcd and Helm (compiling)" ;;
    cni) echo "Multus and CNI plugins (compiling)" ;;
    kubevirt) echo "KubeVirt $(module_version kubevirt kubevirt.io/kubevirt) (compiling)" ;;
    launcher-root) echo "root filesystem of KubeVirt's images" ;;
    kubevirt-image) echo "KubeVirt's images" ;;
    pause-image) echo "pause image" ;;
    guest-key) echo "ssh keys of the guests" ;;
    guest-program) echo "VirtQuorum's program in the guests" ;;
    guest-small) echo "guest-small image" ;;
    guest-debian) echo "guest-debian image" ;;
    guest-applications) echo "guest-applications image" ;;
    node-template) echo "images imported for the nodes" ;;
  esac
}

module_version() { # GROUP MODULE: the pinned version
  awk -v m="$2" '$1 == m && $2 ~ /^v/ {print $2; exit} $1 == "require" && $2 == m {print $3; exit}' "$HERE/go/$1/go.mod"
}

declare -A PIECE_KEYS=()

# fill PIECE_KEYS[piece]; not for use in a subshell, which would forget it
find_key() {
  local piece=$1 part keys="" extra=""
  [ -z "${PIECE_KEYS[$piece]:-}" ] || return 0
  for part in $(piece_parts "$piece"); do
    find_key "$part"
    keys+="$part ${PIECE_KEYS[$part]} "
  done
  [ "$piece" != kubevirt ] || extra=$(dummy_links)
  # shellcheck disable=SC2046
  PIECE_KEYS[$piece]=$({ echo "$piece $keys $extra"; cd "$HERE" && cat $(piece_inputs "$piece"); } | sha256sum | cut -c1-12)
}

piece_dir() { # after find_key
  echo "$CACHE/$1-${PIECE_KEYS[$1]}"
}

find_keys() {
  local piece
  for piece in cluster cni node-template; do find_key "$piece"; done
}

built() { # is everything there?
  local piece
  for piece in "${!PIECE_KEYS[@]}"; do
    [ -d "$(piece_dir "$piece")" ] || return 1
  done
}

make_piece() {
  local piece=$1 dir making part
  dir=$(piece_dir "$piece")
  if [ -d "$dir" ]; then touch "$dir"; return; fi
  making=$CACHE/.making/$piece
  remove_tree "$making"
  mkdir -p "$making"
  local -a environment=(HERE="$HERE" CACHE="$CACHE" OUT="$making" DUMMY_LINKS="$(dummy_links)")
  for part in $(piece_parts "$piece"); do
    part_name=${part^^}
    environment+=("${part_name//-/_}_DIR=$(piece_dir "$part")")
  done
  # mounts of its own: whatever an interrupted build has mounted vanishes with it
  step "building $(piece_label "$piece")" "$CACHE/logs/$piece.log" \
    env "${environment[@]}" unshare --mount nice -n 5 bash -euo pipefail "$HERE/build/$piece.sh"
  mv "$making" "$dir"
  prune "$piece"
}

lane() { local piece; for piece in "$@"; do make_piece "$piece"; done; }

# keep the two newest of each piece, so that two checkouts do not delete each other's
prune() {
  local old
  find "$CACHE" -maxdepth 1 -regextype posix-extended -regex ".*/$1-[0-9a-f]{12}" -printf '%T@ %p\n' | sort -rn | tail -n +3 |
    while read -r _ old; do remove_tree "$old"; done
}

remove_tree() {
  local mount
  [ -e "$1" ] || return 0
  awk -v d="$(realpath "$1")" 'index($5, d "/") == 1 || $5 == d {print $5}' /proc/self/mountinfo | sort -r | while read -r mount; do
    umount -l "$mount"
  done
  rm -rf --one-file-system "$1"
}

kill_children() { local child; for child in $(pgrep -P "$1"); do kill_children "$child"; kill "$child" 2>/dev/null || true; done; }

build() {
  local second
  require_root
  mkdir -p "$CACHE"
  find_keys
  if built; then
    lane "${!PIECE_KEYS[@]}"
    [ -x "$(kube_api_test_dir)/helm" ] || kube_api_test
    say "everything is built: $CACHE"
    return
  fi
  require_disk "$CACHE" 12
  exec {BUILD_LOCK}> "$CACHE/.lock"
  flock -n "$BUILD_LOCK" || { say "another build is running; waiting for it (at most 40 minutes)"; flock -w 2400 "$BUILD_LOCK" || die "the other build has not ended within 40 minutes; see $CACHE/logs"; }
  install_packages
  find_go
  trap 'kill_children $BASHPID' EXIT
  # One lane compiles, the other one unpacks Debian packages: they use the two cores at different times.
  lane pause-image guest-key guest-program guest-small guest-debian launcher-root &
  second=$!
  lane cluster cni kubevirt
  wait "$second" || die "the build of the Debian parts failed, see above."
  lane kubevirt-image node-template
  trap - EXIT
  kube_api_test
  exec {BUILD_LOCK}>&-
  say "everything is built: $CACHE"
}

# The layout that kube-api-test (the JUnit extension of Fabric8) looks for below KUBE_API_TEST_DIR; helm for tests of the chart.
kube_api_test_dir() {
  local version
  version=$(module_version cluster k8s.io/kubernetes)
  echo "$CACHE/kube-api-test/k8s/${version#v}-linux-amd64"
}

kube_api_test() {
  local dir from
  dir=$(kube_api_test_dir)
  from=$(piece_dir cluster)/bin
  mkdir -p "$dir"
  cp -alf "$from"/{etcd,kube-apiserver,kubectl,helm} "$dir/"
}
