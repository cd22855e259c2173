# prepare.sh TREE ENTRY: makes room for a repair, after settle.sh; says "taken" if the archive has the entry.
cd "$1" || trouble Unreadable "$1 cannot be entered"
own=.virtquorum
mkdir -p "$own" && chmod 0700 "$own" || trouble GuestDiskFull "$1/.virtquorum cannot be made"
mkdir -p "$own/stage" "$own/tmp" "$own/archive" || trouble GuestDiskFull "$1/.virtquorum cannot be written"
[ -e "$own/archive/$2" ] && echo taken
exit 0
