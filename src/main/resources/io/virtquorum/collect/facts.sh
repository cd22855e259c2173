# facts.sh: what the guest is, one NAME=VALUE a line.
zone=$(readlink -f /etc/localtime 2>/dev/null)
case $zone in
  */zoneinfo/*) zone=${zone#*/zoneinfo/} ;;
  *) [ -s /etc/timezone ] && read -r zone </etc/timezone || zone=$(date +%Z) ;;
esac
printf 'timezone=%s\n' "$zone"
system=
while IFS='=' read -r key value; do
  [ "$key" = PRETTY_NAME ] && system=$value
done 2>/dev/null </etc/os-release
system=${system#\"}
printf 'os=%s\n' "${system%\"}"
printf 'kernel=%s\n' "$(uname -r)"
