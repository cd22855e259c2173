# command.sh SECONDS PROGRAM [ARGUMENTS...]: a command of the user, with an end.
seconds=$1
shift
(umask 022 && exec "$VQ_TIMEOUT" -k 3 "$seconds" "$@" >"$VQ_RUN/tmp.said" 2>&1 </dev/null)
code=$?
head -c 500 "$VQ_RUN/tmp.said"
rm -f "$VQ_RUN/tmp.said"
[ "$code" = 0 ] || trouble GuestCommandFailed "exit code $code"
