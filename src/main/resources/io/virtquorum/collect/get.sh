# get.sh FILE SKIP SIZE: the SKIPth piece of SIZE bytes.
[ -f "$1" ] || exit 0
"$VQ_DD" if="$1" bs="$3" skip="$2" count=1 status=none
