# shellcheck shell=bash
# Finds or installs Go. Needs the functions step, die and apt_install, and CACHE.

# A Go that can fetch the toolchain which go.mod asks for (1.21 or later). On Debian 12 that is the backports' one.
find_go() {
  local candidate
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-1.2[1-9]/bin/go; do
    [ -x "$candidate" ] || continue
    [[ $("$candidate" env GOVERSION 2>/dev/null) =~ ^go1\.(2[1-9]|[3-9][0-9]) ]] || continue
    PATH=$(dirname "$candidate"):$PATH
    return
  done
  step "installing Go" "$CACHE/logs/go.log" install_go
  for candidate in /usr/lib/go-1.2[1-9]/bin; do PATH=$candidate:$PATH; done
  command -v go > /dev/null || die "no Go 1.21 or later was found or could be installed; see $CACHE/logs/go.log"
}

install_go() {
  local package
  newest_go() { apt-cache pkgnames golang-1. | grep -E '^golang-1\.(2[1-9]|[3-9][0-9])-go$' | sort -V | tail -n 1; }
  apt-get -qq update || return
  package=$(newest_go)
  if [ -z "$package" ]; then
    echo "deb http://deb.debian.org/debian $(. /etc/os-release && echo "$VERSION_CODENAME")-backports main" > /etc/apt/sources.list.d/testbed-backports.list
    apt-get -qq update || return
    package=$(newest_go)
  fi
  apt_install "$package" ca-certificates
}
