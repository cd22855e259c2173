# apply-output.sh SECONDS FILE PROGRAM [ARGUMENTS...]: a command of the user that reads FILE, with an end.
seconds=$1 file=$2
shift 2
# The agent may execute this long after it was asked: settle-output.sh has then taken the file, or sees who works.
echo $$ >"$VQ_RUN/apply.pid" || trouble GuestDiskFull "$VQ_RUN cannot be written"
[ -e "$file" ] || { rm -f "$VQ_RUN/apply.pid"; trouble GuestCommandFailed "This repair was given up meanwhile"; }
said=$VQ_RUN/tmp.said.$$
(umask 022 && exec "$VQ_TIMEOUT" -k 3 "$seconds" "$@" <"$file" >"$said" 2>&1)
code=$?
text=$(head -c 300 "$said" | tr '\n' ' ')
rm -f "$said" "$VQ_RUN/apply.pid"
case $code in
  0) ;;
  124) trouble GuestCommandFailed "Its apply command did not end within $seconds s" ;;
  *) trouble GuestCommandFailed "Its apply command ended with exit code $code${text:+: $text}" ;;
esac
