# reach.sh OWN PORT PEER...: says which peers do not answer. A refusal is an answer: nobody serves there now.
# rsync asks, because every guest has it and it goes the way of a repair; all at once, so that it takes 2 s at most.
own=$1 port=$2
shift 2
for peer; do
  (
    said=$("$VQ_TIMEOUT" -k 1 5 "$VQ_RSYNC" --address="$own" --contimeout=2 "rsync://$peer:$port/" 2>&1 </dev/null)
    case $said in *[Tt]imeout* | *'timed out'* | *'o route to host'* | *nreachable*) printf '%s\n' "$peer" ;; esac
  ) &
done
wait
