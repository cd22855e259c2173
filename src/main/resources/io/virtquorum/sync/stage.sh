# stage.sh TREE URL SECONDS ROOT: fetches what .virtquorum/stage/fetch names (NUL ends each) from the sample, with
# the live files as basis, and the metadata of the tree's root if ROOT is 1. Says how that ended and what crossed.
cd "$1" || trouble Unreadable "$1 cannot be entered"
tree=$(pwd -P) url=$2 seconds=$3 root=$4
own=$tree/.virtquorum error=$VQ_RUN/tmp.stage.$$
# Names with a backslash before a wildcard are no wildcards; rsync since 3.2.5 refuses its own copy of them otherwise. What
# comes is checked by its digests, and only what was asked for is applied.
RSYNC_OLD_ARGS=1
export RSYNC_OLD_ARGS
mkdir -p "$own/stage/tree" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
fetch() {
  "$VQ_TIMEOUT" -k 3 "$seconds" "$VQ_RSYNC" "$@" --contimeout=10 --timeout=20 --no-human-readable --stats \
    --numeric-ids -lptgoD >"$own/stage/said" 2>"$error" </dev/null &
  pid=$!
  echo "$pid" >"$own/pid"
  wait "$pid"
  code=$?
  rm -f "$own/pid"
  [ "$code" = 0 ] && return
  printf 'exit %s\n' "$code"
  head -c 1000 "$error"
  rm -f "$error"
  exit 0
}
value() { tr -d , <"$own/stage/said" | while read -r a b c d e f; do
    case "$a $b $c $d $e" in "$1 "*) set -- $a $b $c $d $e; echo "$5" ;; esac
  done
}
if [ -s "$own/stage/fetch" ]; then
  fetch -n --ignore-times --from0 --files-from="$own/stage/fetch" "$url" "$own/stage/tree/"
  need=$(value 'Total transferred file size:')
  names=$(tr -dc '\0' <"$own/stage/fetch" | wc -c)
  set -- $("$VQ_STAT" -f -c '%a %S' .)
  # Staged once, written once more before the old version is moved to the archive, in whole blocks; and 1 MiB for the rest.
  need=$(((${need:-0} + names * $2) * 2 + 1048576))
  if [ "$need" -gt $(($1 * $2)) ]; then
    printf 'room %s %s\n' "$need" $(($1 * $2))
    exit 0
  fi
  fetch --ignore-times --sparse --copy-dest="$tree" --from0 --files-from="$own/stage/fetch" "$url" "$own/stage/tree/"
  cat "$own/stage/said"
fi
if [ "$root" = 1 ]; then
  fetch -d '--exclude=*' "$url" "$own/stage/tree/"
  cat "$own/stage/said"
fi
rm -f "$error"
echo 'exit 0'
