# Comes before every script. Runs under dash, bash and busybox sh; tools are absolute paths in VQ_*.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
trouble() {
  printf '%s\n%s' "$1" "$2"
  exit 90
}
# The reason for a failure whose standard error is in file $1; $2 says what was being done.
failed() {
  said=$(head -c 300 "$1")
  rm -f "$1"
  case $said in
    *'No space left'* | *'Disk quota'*) trouble GuestDiskFull "No room left while $2: $said" ;;
    *) trouble Unreadable "Failed while $2: ${said:-it said nothing; is a disk of the guest full?}" ;;
  esac
}
# True if process $1 is there and has $2 in its command line. The -F of busybox's grep does not look behind a NUL.
runs() { { tr '\0' '\n' <"/proc/$1/cmdline"; } 2>/dev/null | grep -qF -- "$2"; }
# A path with a backslash as /etc/fstab and /proc mean it: \040 stands for a space.
plain() { printf %b "$(printf %s "$1" | sed 's/\\/\\0/g')"; }
