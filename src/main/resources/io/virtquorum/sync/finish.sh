# finish.sh TREE: the repair is over; what is left of it goes, and so does its archive entry if nothing old is in it.
cd "$1/.virtquorum" || exit 0
entry=
[ -e applying ] && read -r entry <applying
if [ "$entry" ] && ! grep -qE '^(-|user) (replaced|deleted|moved|superseded) ' "archive/$entry/manifest" 2>/dev/null; then
  rmdir "archive/$entry/files" 2>/dev/null && rm -rf "archive/$entry"
fi
rm -rf stage tmp pid applying
"$VQ_SYNC" . || "$VQ_SYNC" -f .
