# apply-output.sh SECONDS FILE PROGRAM [ARGUMENTS...]: a command of the user that reads FILE, with an end.
seconds=$1 file=$2
shift 2
(umask 022 && exec "$VQ_TIMEOUT" -k 3 "$seconds" "$@" <"$file" >"$VQ_RUN/tmp.said" 2>&1)
code=$?
said=$(head -c 300 "$VQ_RUN/tmp.said" | tr '\n' ' ')
rm -f "$VQ_RUN/tmp.said"
case $code in
  0) ;;
  124) trouble GuestCommandFailed "Its apply command did not end within $seconds s" ;;
  *) trouble GuestCommandFailed "Its apply command ended with exit code $code${said:+: $said}" ;;
esac
