# tools.sh RUN: where the tools are. Busybox's applets lack the options that are needed.
mkdir -p "$1" && chmod 0700 "$1" || trouble GuestDiskFull "The directory $1 cannot be made in the guest"
rm -rf "$1"/tmp.*
for tool in find xargs sha256sum stat dd timeout sync rsync; do
  found=
  for directory in /usr/local/bin /usr/bin /bin /usr/local/sbin /usr/sbin /sbin; do
    [ -x "$directory/$tool" ] || continue
    case $(readlink -f "$directory/$tool") in */busybox*) continue ;; esac
    found=$directory/$tool
    break
  done
  printf '%s=%s\n' "$tool" "$found"
done
