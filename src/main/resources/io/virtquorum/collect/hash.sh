# hash.sh TREE LIST HOW COUNT <NAMES: content hashes of the files named (NUL ends each), as sha256sum -z prints
# them. HOW: cached; uncached (drops each file from the page cache, which hides rot, one process a file);
# device (device numbers instead of content). A name that cannot be read is left out.
cd "$1" || trouble Unreadable "$1 cannot be entered"
cat >"$2" || trouble GuestDiskFull "No room for a list of names in the guest's run directory"
if [ "$3" = device ]; then
  alone "$VQ_XARGS" -0 -r -a "$2" "$VQ_STAT" --printf '%t:%T  %n\0' -- 2>/dev/null
else
  # Written back first: dirty pages cannot be dropped, and a later store through a mapping then moves the ctime.
  if [ "$4" -le 16 ]; then
    alone "$VQ_XARGS" -0 -r -a "$2" "$VQ_SYNC" -- 2>/dev/null
  else
    "$VQ_SYNC" -f .
  fi
  if [ "$3" = uncached ]; then
    alone "$VQ_XARGS" -0 -r -a "$2" -I '{}' "$VQ_DD" 'if={}' iflag=nocache count=0 of=/dev/null status=none 2>/dev/null
  fi
  alone "$VQ_XARGS" -0 -r -a "$2" "$VQ_SHA256SUM" -z -- 2>/dev/null
fi
case $? in
  125) trouble GuestCommandFailed "What reads the files was killed in the guest" ;; # what it left out is not unreadable
  126 | 127) trouble ToolMissing "sha256sum or stat cannot be run; install coreutils in the guest" ;;
esac
rm -f "$2"
