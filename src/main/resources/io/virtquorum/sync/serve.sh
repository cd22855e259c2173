# serve.sh DIRECTORY ADDRESS PORT SECONDS <CONFIG, an empty line, SECRETS: starts an rsync daemon that ends itself.
# Says "listening", or "taken" if the port is.
directory=$1 address=$2 port=$3 seconds=$4
mkdir -p "$directory/served" && chmod 0700 "$directory" || trouble GuestDiskFull "$directory cannot be made in the guest"
rm -f "$directory/rsyncd.pid" "$directory/log"
: >"$directory/rsyncd.conf"
while IFS= read -r line && [ "$line" ]; do
  # rsync since 3.5 does not follow links of others than root to a module.
  case $line in 'path = '*) line="path = $(cd "${line#path = }" 2>/dev/null && pwd -P || echo "${line#path = }")" ;; esac
  printf '%s\n' "$line"
done >"$directory/rsyncd.conf"
cat >"$directory/secrets" || trouble GuestDiskFull "$directory cannot be written in the guest"
# Nothing may hold the pipes of the caller, and the session must outlive it.
setsid "$VQ_TIMEOUT" -k 3 "$seconds" "$VQ_RSYNC" --daemon --no-detach --config="$directory/rsyncd.conf" \
  --address="$address" --port="$port" </dev/null >"$directory/out" 2>&1 &
pid=$!
echo "$pid" >"$directory/pid"
hex=$(printf '%04X' "$port")
if [ "${address#*:}" = "$address" ]; then
  old=$IFS
  IFS=.
  set -- $address
  IFS=$old
  local=$(printf '%02X%02X%02X%02X:%s' "$4" "$3" "$2" "$1" "$hex")
else
  local="*:$hex"
fi
tries=0
while [ "$tries" -lt 100 ]; do
  if ! kill -0 "$pid" 2>/dev/null; then
    said=$(head -c 300 "$directory/log" "$directory/out" 2>/dev/null)
    case $said in
      *'already in use'*) echo taken; exit 0 ;;
      *) trouble GuestCommandFailed "The rsync daemon ended at once: $said" ;;
    esac
  fi
  # No here-document: bash keeps one in /tmp, which may be full.
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | {
    while read -r number here there state rest; do
      [ "$state" = 0A ] || continue
      case $here in $local) exit 0 ;; esac
    done
    exit 1
  } && echo listening && exit 0
  tries=$((tries + 1))
  sleep 0.05
done
trouble GuestCommandFailed "The rsync daemon does not listen on $address port $port after 5 s"
