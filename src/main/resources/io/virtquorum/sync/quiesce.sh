# quiesce.sh NAME begin|end SECONDS LIMIT PROGRAM [ARGUMENTS...]: has the user's command keep its writers still, or lets
# them go on; a run of it may take LIMIT seconds. While they are still a guard in the guest waits for SECONDS, lets them
# go on if nobody else did, and tries until that works.
name=$1 what=$2 seconds=$3 limit=$4
shift 4
guard=$VQ_RUN/quiesce-$name said=$VQ_RUN/tmp.quiesce-$name
mkdir -p "$VQ_RUN" || trouble GuestDiskFull "$VQ_RUN cannot be made in the guest"
command -v flock >/dev/null || trouble ToolMissing "The guest lacks the program flock; install the package util-linux in it"
(: >>"$guard.lock") 2>/dev/null || trouble GuestDiskFull "$guard.lock cannot be written in the guest"
exec 9<"$guard.lock"
"$VQ_TIMEOUT" $((2 * limit + 10)) flock 9 || trouble GuestCommandFailed "The quiesce command of $name still runs"
run() {
  # The lock is not for what the command leaves running.
  (umask 022 && exec "$VQ_TIMEOUT" -k 3 "$limit" "$@" >"$said" 2>&1 </dev/null 9<&-)
}
# The guard's file goes with an end that worked, and not before.
if [ "$what" = end ]; then
  [ -e "$guard" ] || exit 0
  run "$@" end
  code=$?
  [ "$code" = 0 ] && rm -f "$guard"
else
  token=$$.$seconds
  printf '%s\n' "$token" >"$guard" || trouble GuestDiskFull "$guard cannot be written in the guest"
  run "$@" begin
  code=$?
fi
text=$(head -c 300 "$said")
if [ "$what" = begin ]; then
  # What failed may have kept them still all the same, now or the time before.
  [ "$code" = 0 ] || { seconds=1 && run "$@" end && rm -f "$guard"; }
  if [ -e "$guard" ]; then # and no list: bash would wait for the last of it, with the lock and the caller's pipes
    setsid /bin/sh -c '
      guard=$1 token=$2 seconds=$3 limit=$4 timeout=$5 pause=1
      shift 5
      sleep "$seconds"
      while :; do
        exec 9<"$guard.lock"
        flock 9
        now=
        read -r now <"$guard"
        [ "$now" = "$token" ] || exit
        (umask 022 && exec "$timeout" -k 3 "$limit" "$@" end 9<&-) && rm -f "$guard" && exit
        exec 9<&-
        sleep "$pause"
        pause=$((pause < 32 ? 2 * pause : 60))
      done
    ' guard "$guard" "$token" "$seconds" "$limit" "$VQ_TIMEOUT" "$@" 9<&- </dev/null >/dev/null 2>&1 &
  fi
fi
rm -f "$said"
[ "$code" = 0 ] || trouble GuestCommandFailed "The quiesce command of $name ($what) ended with exit code $code: $text"
exit 0
