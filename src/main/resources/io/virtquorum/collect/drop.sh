# drop.sh TREE: drops the whole page cache (5: pages only, and no line in the kernel's log). For many files one
# write here replaces one process a file.
cd "$1" || trouble Unreadable "$1 cannot be entered"
"$VQ_SYNC" -f .
echo 5 2>/dev/null >/proc/sys/vm/drop_caches && echo dropped
exit 0
