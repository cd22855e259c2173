# shellcheck shell=bash
# Checks that need nothing but the checkout.

scripts_pass_shellcheck() {
  cd "$HERE" && shellcheck -x -P "$HERE/.." testbed lib/*.sh build/*.sh node/*.sh test/*.sh test/checks/*.sh guest/common/* \
    guest/debian/setup.sh images/*.sh images/virtqemud && shellcheck -s sh -e SC2086 guest/small/power-button
}

modules_are_pinned() {
  local group
  for group in cluster cni kubevirt; do
    [ -s "$HERE/go/$group/go.sum" ] || { echo "go/$group has no go.sum"; return 1; }
  done
}

# changing an input of one piece must change the keys of that piece and of what is made from it, and no other
keys_follow_content() {
  local copy before after
  copy=$(mktemp -d)
  cp -r "$HERE/." "$copy/"
  keys() { bash -c 'set -euo pipefail; HERE=$1; DUMMY=yes; for f in "$HERE"/lib/*.sh; do source "$f"; done; find_keys; for p in "${!PIECE_KEYS[@]}"; do echo "$p ${PIECE_KEYS[$p]}"; done | sort' - "$1"; }
  before=$(keys "$copy")
  echo "# changed" >> "$copy/guest/small/init"
  after=$(keys "$copy")
  rm -rf "$copy"
  local changed
  changed=$(diff <(echo "$before") <(echo "$after") | awk '/^>/ {print $2}' | tr '\n' ' ')
  [ "$changed" = "guest-small node-template " ] || { echo "changed: $changed"; return 1; }
}

a_wait_ends() {
  bash -c 'HERE=$1; for f in "$HERE"/lib/*.sh; do source "$f"; done; wait_for 1 "the moon" /somewhere.log false' - "$HERE"
}

a_strangers_process_is_not_signalled() { # a record whose start time is not the process's own
  bash -c '
    set -euo pipefail
    HERE=$1; for f in "$HERE"/lib/*.sh; do source "$f"; done
    STATE=$(mktemp -d); mkdir "$STATE/pids"
    sleep 30 & stranger=$!
    echo "$stranger 12345" > "$STATE/pids/etcd"
    stop etcd
    kill -0 $stranger; kill $stranger
    rm -rf "$STATE"' - "$HERE"
}

unreadable_archive() { "$TESTBED" load /nonexistent.tar; }

fast_checks() {
  if command -v shellcheck > /dev/null; then check "shellcheck finds nothing" scripts_pass_shellcheck; else skip "shellcheck (package shellcheck is not installed)"; fi
  check "the Go modules are pinned" modules_are_pinned
  check "a changed guest rebuilds that guest only" keys_follow_content
  check "a wait ends and says where to look" refuses "waited 1 s for the moon, in vain. Look at: /somewhere.log" a_wait_ends
  check "a reused process id is not signalled" a_strangers_process_is_not_signalled
  check "an unknown verb is refused with the help" refuses "there is no verb 'dance'" "$TESTBED" dance
  check "an unknown part is refused" refuses "usage: testbed up [control-plane]" "$TESTBED" up everything
  check "an unknown node is refused" refuses "there is no node '9'" "$TESTBED" exec 9 true
  check "a bad size is refused" refuses "is not a size" "$TESTBED" volume add x node1 lots
  check "a missing archive is refused" refuses "there is no image archive /nonexistent.tar" unreadable_archive
  if id nobody > /dev/null 2>&1; then
    check "without root it says so" refuses "this needs root" setpriv --reuid=nobody --clear-groups bash -c "cat '$TESTBED' > /dev/null && bash '$TESTBED' up"
  fi
}
