# get.sh FILE SKIP SIZE: the SKIPth piece of SIZE bytes; nothing if there is no such file.
if [ ! -f "$1" ]; then
  # A disk that fails is no disk that forgot.
  said=$("$VQ_STAT" -- "$1" 2>&1) || case $said in *'Input/output error'*) complain "$said" "looking for $1" ;; esac
  exit 0
fi
exec 3>&1
said=$("$VQ_DD" if="$1" bs="$3" skip="$2" count=1 status=none 2>&1 >&3) || complain "$said" "reading $1"
