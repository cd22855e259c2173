# shellcheck shell=bash
# Sourced after toolchain.sh: finds or installs Go as the testbed does, with the caches that it shares with the testbed.
# Sets PATH, GOMODCACHE, GOCACHE and GOTOOLCHAIN: the Go that go.mod names is fetched if another one is installed.

CACHE=$VIRTQUORUM_CACHE
step() { # WHAT LOG COMMAND...
  local what=$1
  say "$what"
  mkdir -p "$(dirname "$2")"
  ("${@:3}") >"$2" 2>&1 || die "$what failed; see $2"
}
apt_install() { install_packages "$@"; }
# shellcheck source=testbed/lib/go.sh
. testbed/lib/go.sh

find_go
export PATH GOMODCACHE=$CACHE/go-mod GOCACHE=$CACHE/go-build GOTOOLCHAIN=auto GOFLAGS=-buildvcs=false
