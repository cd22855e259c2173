# apply.sh TREE ENTRY SECONDS ROOT FROM: replaces what .virtquorum/stage/apply names by what is in .virtquorum/FROM, and
# takes away what .virtquorum/stage/remove names; the old versions go to the archive, and the journal .virtquorum/applying
# stands until finish.sh.
cd "$1" || trouble Unreadable "$1 cannot be entered"
tree=$(pwd -P) entry=$2 seconds=$3 root=$4 from=.virtquorum/$5
own=$tree/.virtquorum error=$VQ_RUN/tmp.apply.$$
to=$own/archive/$entry/files
run() { # with an end, and so that a signal ends it at once
  "$VQ_TIMEOUT" -k 3 "$seconds" "$@" >/dev/null 2>"$error" </dev/null &
  echo $! >>"$own/pid"
  wait $!
}
# What goes, or becomes something else than a directory, is moved with all that is in it. Not by rsync: its
# --delete-missing-args fails in 3.2.7-1+deb12u6 and 3.4.3 (RsyncProject/rsync#910), and --force empties what is mounted.
move='
  what=$1 from=$2 to=$3
  shift 3
  set -f
  IFS="
"
  there() { [ -e "$1" ] || [ -L "$1" ]; }
  directory() { [ -d "$1" ] && [ ! -L "$1" ]; }
  for name; do
    there "$name" || continue
    if there "$from/$name"; then # what else it becomes rsync makes of it
      directory "$name" && ! directory "$from/$name" || continue
    fi
    if [ $what = look ]; then
      for mount in $mounts; do
        case $mount/ in "$name"/*) echo "$PWD/${mount#./}"; exit 255 ;; esac
      done
    else
      directory "$to/${name%/*}" || mkdir -p "$to/${name%/*}" || exit 255
      ! there "$to/$name" || { echo "$to/$name is in the way"; exit 255; }
      mv "$name" "$to/$name" || exit 255
    fi
  done >&2
'
# The agent may execute this long after it was asked: settle.sh has then taken the list, or ends who stands in pid.
trap 'kill $! 2>/dev/null; wait; exit 143' TERM
echo $$ >"$own/pid" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
[ -e "$own/stage/apply" ] || trouble GuestCommandFailed "This repair of $1 was given up meanwhile"
mounts=$(
  while read -r id parent device above point rest; do
    case $point in *\\*) point=$(plain "$point") ;; esac
    case $point in "${tree%/}"/*) printf './%s\n' "${point#"${tree%/}"/}" ;; esac
  done </proc/self/mountinfo
)
cat "$own/stage/remove" "$own/stage/apply" >"$own/stage/names" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
if [ "$mounts" ]; then
  export mounts
  run "$VQ_XARGS" -0 -r -a "$own/stage/names" /bin/sh -c "$move" move look "$from" "$to" ||
    trouble GuestCommandFailed "A repair would remove what something is mounted on: unmount $(head -n 1 "$error"; rm -f "$error")"
fi
mkdir -p "$to" "$from" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
printf '%s\n' "$entry" >"$own/applying" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
"$VQ_SYNC" -f . # the manifest and the journal before the first change
run "$VQ_XARGS" -0 -r -a "$own/stage/names" /bin/sh -c "$move" move move "$from" "$to" ||
  failed "$error" "taking files of $1 away"
if [ -s "$own/stage/apply" ]; then
  run "$VQ_RSYNC" -lptgoD --numeric-ids --ignore-times --sparse --from0 --files-from="$own/stage/apply" \
    --no-implied-dirs --temp-dir="$own/tmp" --backup --backup-dir="$to" "$from/" "$tree/" ||
    failed "$error" "replacing files of $1"
fi
rm -f "$error"
if [ "$root" = 1 ]; then
  set -- $("$VQ_STAT" -c '%a %u %g' "$own/stage/tree")
  chown "$2:$3" . && chmod "$1" . || trouble Unreadable "The attributes of $tree cannot be set"
fi
"$VQ_SYNC" -f .
