# output.sh SECONDS MOST PROGRAM [ARGUMENTS...]: what a command of the user says, at most MOST bytes.
seconds=$1 most=$2
shift 2
mkdir -p "$VQ_RUN" || trouble GuestDiskFull "$VQ_RUN cannot be made in the guest"
said=$VQ_RUN/tmp.output error=$VQ_RUN/tmp.error exit=$VQ_RUN/tmp.exit
# What says too much is ended by the closed pipe.
{
  "$VQ_TIMEOUT" -k 3 "$seconds" "$@" 2>"$error" </dev/null
  echo $? >"$exit"
} | head -c $((most + 1)) >"$said"
read -r code <"$exit"
text=$(head -c 150 "$error" | tr '\n' ' ')
size=$("$VQ_STAT" -c %s "$said")
if [ "$size" -gt "$most" ]; then
  rm -f "$said" "$error" "$exit"
  trouble GuestCommandFailed "it says more than $most bytes"
fi
if [ "$code" != 0 ]; then
  rm -f "$said" "$error" "$exit"
  [ "$code" = 124 ] && trouble GuestCommandFailed "it did not end within $seconds s"
  trouble GuestCommandFailed "it ended with exit code $code${text:+: $text}"
fi
cat "$said"
rm -f "$said" "$error" "$exit"
