# drop.sh TREE: drops the whole page cache. For many files this replaces one process a file. 4 keeps the kernel's log
# quiet, and is a write of its own: Debian 12's 6.1 refuses a 5.
cd "$1" || trouble Unreadable "$1 cannot be entered"
"$VQ_SYNC" -f .
(echo 4 >/proc/sys/vm/drop_caches; echo 1 >/proc/sys/vm/drop_caches) 2>/dev/null && echo dropped
exit 0
