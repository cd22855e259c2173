# output.sh SECONDS MOST PROGRAM [ARGUMENTS...]: what a command of the user says, at most MOST bytes.
seconds=$1 most=$2
shift 2
mkdir -p "$VQ_RUN" || trouble GuestDiskFull "$VQ_RUN cannot be made in the guest"
said=$VQ_RUN/tmp.output.$$ error=$VQ_RUN/tmp.error.$$ exit=$VQ_RUN/tmp.exit.$$
end() {
  rm -f "$said" "$error" "$exit"
  trouble "$@"
}
# What says too much is ended by the closed pipe. What it left running may hold the pipe open for ever.
{
  (umask 022 && exec "$VQ_TIMEOUT" -k 3 "$seconds" "$@" 2>"$error" </dev/null)
  echo $? >"$exit"
} | "$VQ_TIMEOUT" $((seconds + 5)) head -c $((most + 1)) >"$said"
taken=$?
code=
read -r code <"$exit"
case $taken in
  0) ;;
  124) end GuestCommandFailed "it left a program running that holds its output open" ;;
  *) end GuestDiskFull "$said cannot be written in the guest" ;;
esac
[ "$("$VQ_STAT" -c %s "$said")" -le "$most" ] || end GuestCommandFailed "it says more than $most bytes"
case $code in
  0) ;;
  124) end GuestCommandFailed "it did not end within $seconds s" ;;
  *)
    text=$(head -c 150 "$error" | tr '\n' ' ')
    end GuestCommandFailed "it ended with exit code $code${text:+: $text}"
    ;;
esac
cat "$said"
rm -f "$said" "$error" "$exit"
