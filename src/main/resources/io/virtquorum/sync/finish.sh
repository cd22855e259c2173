# finish.sh TREE [HALF]: the repair is over; what is left of it goes, and so does its archive entry if nothing old is in
# it. With HALF the journal stays, if there is one: the tree may hold half of what a repair brought, and nobody else all of it.
half=$2
cd "$1/.virtquorum" || exit 0
entry=
[ -e applying ] && read -r entry <applying
if [ "$entry" ] && ! grep -qE '^(-|user) (replaced|deleted|moved|superseded) ' "archive/$entry/manifest" 2>/dev/null; then
  rmdir "archive/$entry/files" 2>/dev/null && rm -rf "archive/$entry"
fi
[ "$half" ] || rm -f applying
rm -rf stage tmp pid
"$VQ_SYNC" . || "$VQ_SYNC" -f .
