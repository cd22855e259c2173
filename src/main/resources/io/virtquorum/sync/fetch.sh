# fetch.sh URL SECONDS FILE MOST: fetches one file of at most MOST bytes; says how that ended and what crossed.
url=$1 seconds=$2 file=$3 most=$4
"$VQ_TIMEOUT" -k 3 "$seconds" "$VQ_RSYNC" --contimeout=10 --timeout=20 --no-human-readable --stats --max-size="$most" \
  "$url" "$file" >"$file.said" 2>"$file.error" </dev/null
code=$?
cat "$file.said"
printf 'exit %s\n' "$code"
head -c 1000 "$file.error"
rm -f "$file.said" "$file.error"
exit 0
