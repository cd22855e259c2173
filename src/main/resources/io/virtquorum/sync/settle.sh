# settle.sh TREE: ends what an earlier repair left at work in the guest, and removes what it had staged.
if cd "$1" 2>/dev/null && [ -d .virtquorum ]; then
  own=.virtquorum
  # An apply.sh that the agent executes only now says who it is, and then finds nothing to do.
  rm -f "$own/stage/apply" 2>/dev/null
  pids=$(cat "$own/pid" 2>/dev/null)
  works() { [ "$1" != $$ ] && runs "$1" "$own"; }
  any() { for pid in $pids; do works "$pid" && return; done; return 1; }
  for pid in $pids; do
    works "$pid" && kill -TERM "$pid" 2>/dev/null
  done
  tries=0
  while any && [ "$tries" -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
  any && trouble GuestCommandFailed "An earlier repair of $1 (process $pid) does not end"
  # Where the list stays because nothing can be written, nothing can be replaced either.
  [ -e "$own/stage/apply" ] && (: >>"$own/pid") 2>/dev/null && trouble GuestCommandFailed "$1/.virtquorum/stage/apply cannot be removed"
  rm -rf "$own/stage" "$own/tmp" "$own/pid" 2>/dev/null
fi
true
