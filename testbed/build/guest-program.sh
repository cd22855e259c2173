# shellcheck shell=bash
# VirtQuorum's program in the guests, and its Debian package, as `make guest` makes them: guests get what users install.
# shellcheck source=testbed/build/go.sh
source "$HERE/build/go.sh" guest

MODULES=$HERE/../guest
go_build 0 "-X main.version=testbed" "$OUT" ./cmd/virtquorum-guest
mv "$OUT/virtquorum-guest" "$OUT/virtquorum-guest-amd64"
"$MODULES/packaging/build" 0.0.0 "$OUT"
rm "$OUT"/*.rpm
