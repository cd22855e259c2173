# settle.sh TREE: ends what an earlier repair left at work in the guest, and removes what it had staged.
if cd "$1" 2>/dev/null && [ -d .virtquorum ]; then
  own=.virtquorum
  # An apply.sh that the agent executes only now says who it is, and then finds nothing to do.
  rm -f "$own/stage/apply"
  pid=
  [ -e "$own/pid" ] && read -r pid <"$own/pid"
  works() { [ "$pid" != $$ ] && grep -qF .virtquorum/ "/proc/$pid/cmdline" 2>/dev/null; }
  if [ "$pid" ] && works; then
    kill -TERM "$pid" 2>/dev/null
    tries=0
    while works && [ "$tries" -lt 100 ]; do
      tries=$((tries + 1))
      sleep 0.05
    done
    works && trouble GuestCommandFailed "An earlier repair of $1 (process $pid) does not end"
  fi
  rm -rf "$own/stage" "$own/tmp" "$own/pid"
fi
