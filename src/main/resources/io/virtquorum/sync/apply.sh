# apply.sh TREE ENTRY SECONDS ROOT FROM: replaces what .virtquorum/stage/apply names by what is in .virtquorum/FROM, and
# deletes what is not there, the old versions going to the archive by the same rsync; the journal .virtquorum/applying
# stands until finish.sh.
cd "$1" || trouble Unreadable "$1 cannot be entered"
tree=$(pwd -P) entry=$2 seconds=$3 root=$4 from=$5
own=$tree/.virtquorum
# The agent may execute this long after it was asked: settle.sh has then taken the list, or ends who stands in pid.
trap 'kill $! 2>/dev/null; wait; exit 143' TERM
echo $$ >"$own/pid" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
[ -e "$own/stage/apply" ] || trouble GuestCommandFailed "This repair of $1 was given up meanwhile"
mkdir -p "$own/archive/$entry/files" "$own/$from" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
printf '%s\n' "$entry" >"$own/applying" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
"$VQ_SYNC" -f . # the manifest and the journal before the first change
if [ -s "$own/stage/apply" ]; then
  # rsync looks for a missing name only where its directory exists.
  (cd "$own/$from" && "$VQ_XARGS" -0 -r -a "$own/stage/parents" mkdir -p --) ||
    trouble GuestDiskFull "$1/.virtquorum cannot be written"
  "$VQ_TIMEOUT" -k 3 "$seconds" "$VQ_RSYNC" -lptgoD --numeric-ids --ignore-times --sparse --from0 \
    --files-from="$own/stage/apply" --no-implied-dirs --delete-missing-args --force \
    --temp-dir="$own/tmp" --backup --backup-dir="$own/archive/$entry/files" \
    "$own/$from/" "$tree/" >/dev/null 2>"$own/stage/error" </dev/null &
  echo $! >>"$own/pid"
  wait $! || failed "$own/stage/error" "replacing files of $1"
fi
if [ "$root" = 1 ]; then
  set -- $("$VQ_STAT" -c '%a %u %g' "$own/stage/tree")
  chown "$2:$3" . && chmod "$1" . || trouble Unreadable "The attributes of $tree cannot be set"
fi
"$VQ_SYNC" -f .
