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
  complain "$said" "$2"
}
# As failed; $1 is the standard error itself. What a disk itself says is not to be taken for anything else.
complain() {
  case $1 in
    *'No space left'* | *'Disk quota'*) trouble GuestDiskFull "No room left while $2: $1" ;;
    *'Input/output error'*) trouble DiskFails "A disk of the guest fails while $2: $1; see the guest's kernel log, and repair or replace the disk" ;;
    *) trouble Unreadable "Failed while $2: ${1:-it said nothing; is a disk of the guest full?}" ;;
  esac
}
# True if process $1 is there and has $2 in its command line. The -F of busybox's grep does not look behind a NUL.
runs() { { tr '\0' '\n' <"/proc/$1/cmdline"; } 2>/dev/null | grep -qF -- "$2"; }
# A path with a backslash as /etc/fstab and /proc mean it: \040 stands for a space.
plain() { printf %b "$(printf %s "$1" | sed 's/\\/\\0/g')"; }
