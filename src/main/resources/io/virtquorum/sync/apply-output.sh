# apply-output.sh SECONDS FILE PROGRAM [ARGUMENTS...]: a command of the user that reads FILE, with an end.
seconds=$1 file=$2
shift 2
"$VQ_TIMEOUT" -k 3 "$seconds" "$@" <"$file" >"$VQ_RUN/tmp.said" 2>&1
code=$?
said=$(head -c 300 "$VQ_RUN/tmp.said")
rm -f "$VQ_RUN/tmp.said" "$file"
[ "$code" = 0 ] || trouble GuestCommandFailed "its apply command ended with exit code $code${said:+: $said}"
