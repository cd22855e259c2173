# facts.sh: what the guest is, one NAME=VALUE a line.
zone=$(readlink -f /etc/localtime 2>/dev/null)
case $zone in
  */zoneinfo/*) zone=${zone#*/zoneinfo/} ;;
  *)
    zone=
    [ -s /etc/timezone ] && read -r zone </etc/timezone
    [ "$zone" ] || zone=$(date +%Z)
    ;;
esac
printf 'timezone=%s\n' "$zone"
system=
if [ -r /etc/os-release ]; then
  while IFS='=' read -r key value || [ "$key" ]; do
    [ "$key" = PRETTY_NAME ] && system=$value
  done </etc/os-release
fi
system=${system#[\"\']}
printf 'os=%s\n' "${system%[\"\']}"
printf 'kernel=%s\n' "$(uname -r)"
