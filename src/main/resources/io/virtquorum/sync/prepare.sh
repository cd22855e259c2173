# prepare.sh TREE ENTRY: ends and removes what an earlier repair left; says "taken" if the archive has the entry.
cd "$1" || trouble Unreadable "$1 cannot be entered"
own=.virtquorum
mkdir -p "$own" && chmod 0700 "$own" || trouble GuestDiskFull "$1/.virtquorum cannot be made"
pid=
[ -e "$own/pid" ] && read -r pid <"$own/pid"
if [ "$pid" ] && grep -qF .virtquorum/ "/proc/$pid/cmdline" 2>/dev/null; then
  # An rsync of a sidecar's earlier life still works here.
  kill -TERM "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
  kill -0 "$pid" 2>/dev/null && trouble GuestCommandFailed "An earlier repair of $1 (process $pid) does not end"
fi
rm -rf "$own/stage" "$own/tmp" "$own/pid"
mkdir -p "$own/stage" "$own/tmp" "$own/archive" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
[ -e "$own/archive/$2" ] && echo taken
exit 0
