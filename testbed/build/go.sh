# shellcheck shell=bash
# Sourced by the pieces that compile Go.

export GOMODCACHE=$CACHE/go-mod GOCACHE=$CACHE/go-build
export GOTOOLCHAIN=auto GOFLAGS=-buildvcs=false
export GOGC=400 # the compiler collects less often: memory for time
MODULES=$HERE/go/$1

# go_build CGO LDFLAGS DIRECTORY PACKAGE...: one command for all packages, so that linking overlaps with compiling
go_build() {
  local cgo=$1 ldflags=$2 out=$3; shift 3
  mkdir -p "$out"
  (cd "$MODULES" && CGO_ENABLED=$cgo go build "${MODFILE[@]}" -trimpath -ldflags "-s -w $ldflags" -o "$out/" "$@")
}
MODFILE=()
