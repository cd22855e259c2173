# quiesce.sh NAME begin|end SECONDS PROGRAM [ARGUMENTS...]: has the user's command keep its writers still, or lets them
# go on. While they are still a guard in the guest waits for SECONDS and lets them go on if nobody else did.
name=$1 what=$2 seconds=$3
shift 3
guard=$VQ_RUN/quiesce-$name
mkdir -p "$VQ_RUN" || trouble GuestDiskFull "$VQ_RUN cannot be made in the guest"
said=$VQ_RUN/tmp.quiesce
# Whoever removes the guard's file is the one that ends it.
if [ "$what" = end ]; then
  rm "$guard" 2>/dev/null || exit 0
  "$VQ_TIMEOUT" -k 3 30 "$@" end >"$said" 2>&1 </dev/null
else
  token=$$.$seconds
  printf '%s\n' "$token" >"$guard" || trouble GuestDiskFull "$guard cannot be written in the guest"
  "$VQ_TIMEOUT" -k 3 30 "$@" begin >"$said" 2>&1 </dev/null
fi
code=$?
if [ "$code" != 0 ]; then
  text=$(head -c 300 "$said")
  rm -f "$said"
  # What failed may have kept them still all the same, now or the time before.
  [ "$what" = begin ] && rm "$guard" 2>/dev/null && "$VQ_TIMEOUT" -k 3 30 "$@" end >/dev/null 2>&1 </dev/null
  trouble GuestCommandFailed "The quiesce command of $name ($what) ended with exit code $code: $text"
fi
rm -f "$said"
[ "$what" = begin ] || exit 0
setsid /bin/sh -c '
  guard=$1 token=$2 seconds=$3 timeout=$4
  shift 4
  sleep "$seconds"
  read -r now <"$guard" 2>/dev/null
  [ "$now" = "$token" ] && rm "$guard" 2>/dev/null && exec "$timeout" -k 3 30 "$@" end
' guard "$guard" "$token" "$seconds" "$VQ_TIMEOUT" "$@" </dev/null >/dev/null 2>&1 &
exit 0
