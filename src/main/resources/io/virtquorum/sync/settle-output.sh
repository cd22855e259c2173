# settle-output.sh: takes from an earlier repair of an output what its command would read; says so while that still works.
rm -f "$VQ_RUN"/tmp.*
pid=
[ -e "$VQ_RUN/apply.pid" ] && read -r pid <"$VQ_RUN/apply.pid"
if [ "$pid" ] && [ "$pid" != $$ ] && runs "$pid" apply.pid; then
  # A user's command is not cut off in the middle of its work: it has an end of its own.
  trouble GuestCommandFailed "The apply command of an earlier repair (process $pid) still works"
fi
rm -f "$VQ_RUN/apply.pid"
