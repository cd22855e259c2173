# command.sh SECONDS PROGRAM [ARGUMENTS...]: a command of the user, with an end.
seconds=$1
shift
said=$VQ_RUN/tmp.said.$$
(umask 022 && exec "$VQ_TIMEOUT" -k 3 "$seconds" "$@" >"$said" 2>&1 </dev/null)
code=$?
text=$(head -c 500 "$said" | tr '\n' ' ')
rm -f "$said"
[ "$code" = 0 ] || trouble GuestCommandFailed "exit code $code${text:+: $text}"
