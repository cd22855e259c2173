# finish.sh TREE: the repair is over; what is left of it goes.
cd "$1/.virtquorum" || exit 0
rm -rf stage tmp pid applying
"$VQ_SYNC" . || "$VQ_SYNC" -f .
