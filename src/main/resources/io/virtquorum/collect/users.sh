# users.sh TREE [WORDS]: keeps that users were there, durably, in .virtquorum/users; or forgets it.
cd "$1" || trouble Unreadable "$1 cannot be entered"
if [ "$2" ]; then
  mkdir -p .virtquorum && chmod 0700 .virtquorum && printf '%s\n' "$2" >.virtquorum/users ||
    trouble GuestDiskFull "$1/.virtquorum/users cannot be written"
  "$VQ_SYNC" .virtquorum/users .virtquorum || "$VQ_SYNC" -f .
else
  rm -f .virtquorum/users # one that a power cut brings back is of an old memory
fi
