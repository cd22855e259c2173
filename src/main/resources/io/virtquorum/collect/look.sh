# look.sh: comes before scan.sh and hash.sh. What an earlier look left at work, because nobody waited for it any more, is
# ended first; what does not end, as on a disk that hangs, is not joined by another.
earlier=
[ -e "$VQ_RUN/look.pid" ] && read -r earlier <"$VQ_RUN/look.pid"
works() { [ "$earlier" ] && { runs "$earlier" "$VQ_RUN/" || runs "$earlier" ./.virtquorum; }; }
if works; then
  kill -TERM "$earlier" 2>/dev/null
  tries=0
  while works && [ "$tries" -lt 80 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
  works && trouble SlowLook "An earlier look at the files does not end (process $earlier); see in the guest whether a disk hangs"
fi
# Runs a program with an end, and so that the next look finds it.
alone() {
  "$VQ_TIMEOUT" -k 3 "$VQ_SECONDS" "$@" &
  echo $! >"$VQ_RUN/look.pid"
  wait $!
  ended=$?
  case $ended in 124 | 137 | 143) trouble SlowLook "This look at the files was given up" ;; esac
  return $ended
}
