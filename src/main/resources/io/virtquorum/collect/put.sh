# put.sh FILE HOW <CONTENT: writes (first) or appends (next) a piece.
if [ "$2" = first ]; then said=$(cat 2>&1 >"$1"); else said=$(cat 2>&1 >>"$1"); fi || case $said in
  *'Input/output error'*) complain "$said" "writing $1" ;;
  *) trouble GuestDiskFull "$1 cannot be written in the guest: no room, or not allowed" ;;
esac
