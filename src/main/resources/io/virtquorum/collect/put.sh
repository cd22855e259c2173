# put.sh FILE HOW <CONTENT: writes (first) or appends (next) a piece.
if [ "$2" = first ]; then cat >"$1" 2>/dev/null; else cat >>"$1" 2>/dev/null; fi ||
  trouble GuestDiskFull "$1 cannot be written in the guest: no room, or not allowed"
