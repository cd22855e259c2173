# stage.sh TREE URL SECONDS ROOT: fetches what .virtquorum/stage/fetch names (NUL ends each) from the sample, with
# the live files as basis, and the metadata of the tree's root if ROOT is 1. Says how that ended and what crossed.
cd "$1" || trouble Unreadable "$1 cannot be entered"
tree=$(pwd -P) url=$2 seconds=$3 root=$4
own=$tree/.virtquorum
mkdir -p "$own/stage/tree" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
fetch() {
  "$VQ_TIMEOUT" -k 3 "$seconds" "$VQ_RSYNC" "$@" --contimeout=10 --timeout=20 --no-human-readable --stats \
    --numeric-ids -lptgoD >"$own/stage/said" 2>"$own/stage/error" </dev/null &
  pid=$!
  echo "$pid" >"$own/pid"
  wait "$pid"
  code=$?
  rm -f "$own/pid"
  [ "$code" = 0 ] && return
  printf 'exit %s\n' "$code"
  head -c 1000 "$own/stage/error"
  exit 0
}
value() { tr -d , <"$own/stage/said" | while read -r a b c d e f; do
    case "$a $b $c $d $e" in "$1 "*) set -- $a $b $c $d $e; echo "$5" ;; esac
  done
}
if [ -s "$own/stage/fetch" ]; then
  fetch -n --ignore-times --from0 --files-from="$own/stage/fetch" "$url" "$own/stage/tree/"
  need=$(value 'Total transferred file size:')
  set -- $("$VQ_STAT" -f -c '%a %S' .)
  # Staged once, written once more before the old version is moved to the archive; and 1 MiB for the rest.
  if [ $((${need:-0} * 2 + 1048576)) -gt $(($1 * $2)) ]; then
    printf 'room %s %s\n' $((${need:-0} * 2 + 1048576)) $(($1 * $2))
    exit 0
  fi
  fetch --ignore-times --sparse --copy-dest="$tree" --from0 --files-from="$own/stage/fetch" "$url" "$own/stage/tree/"
  cat "$own/stage/said"
fi
if [ "$root" = 1 ]; then
  fetch -d '--exclude=*' "$url" "$own/stage/tree/"
  cat "$own/stage/said"
fi
echo 'exit 0'
