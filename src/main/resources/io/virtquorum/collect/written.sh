# written.sh TREE LIST <INODES (one a line): says which of these files a process has mapped for writing, or open for it; or
# "all" on a file system in memory, where nothing can rot and a store through a mapping moves no ctime.
cd "$1" || trouble Unreadable "$1 cannot be entered"
list=$2
case $("$VQ_STAT" -f -c %T .) in tmpfs | ramfs) echo all; exit 0 ;; esac
point=$("$VQ_STAT" -c %m .)
# As /proc/PID/maps has it. What stat says of a btrfs is another number.
while read -r id parent device above there rest; do
  case $there in *\\*) there=$(plain "$there") ;; esac
  [ "$there" = "$point" ] && mapped=$(printf '%02x:%02x' "${device%:*}" "${device#*:}")
done </proc/self/mountinfo
opened=$("$VQ_STAT" -c %d .)
while read -r inode; do
  echo " $mapped $inode "
  echo "=$opened $inode="
done >"$list"
grep -hE '^[^ ]+ .w.s ' /proc/[0-9]*/maps 2>/dev/null | grep -F -f "$list" | while read -r at how offset device inode rest; do
  echo "$inode"
done
"$VQ_TIMEOUT" -k 3 "$VQ_SECONDS" "$VQ_FIND" -L /proc/[0-9]*/fd -maxdepth 1 -type f -printf '=%D %i=%p\n' 2>/dev/null |
  grep -F -f "$list" | while IFS='=' read -r none inode file; do
    flags=
    while read -r name value; do [ "$name" = flags: ] && flags=$value; done 2>/dev/null <"${file%/fd/*}/fdinfo/${file##*/}"
    case $flags in *[12]) echo "${inode#* }" ;; esac
  done
rm -f "$list"
exit 0
