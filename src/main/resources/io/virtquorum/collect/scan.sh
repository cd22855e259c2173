# scan.sh TREE LIST LAST INLINE FSTAB DEVICE [FIND-EXPRESSION...]: one line about the tree, then its listing unless its
# digest is LAST or it is longer than INLINE bytes (then it stays in the file LIST, for the caller to fetch). DEVICE: on
# which the tree was at the last look, or 0.
tree=$1 list=$2 last=$3 inline=$4 fstab=$5 seen=$6
shift 6
rm -f "${list%.*}".* # what an earlier look left
if [ -r "$fstab" ]; then
  # A file system that failed to mount leaves an empty directory: not to be taken for a deletion.
  # The last line may lack its end.
  real=$(cd "$tree" 2>/dev/null && pwd -P) || real=$tree
  while read -r device point type options rest || [ "$device" ]; do
    case $device in '' | '#'*) continue ;; esac
    point=${point%/}
    case $point in /?*) ;; *) continue ;; esac
    case ,$options, in *,noauto,*) continue ;; esac
    case $point in *\\*) point=$(plain "$point") ;; esac
    case ${tree%/}/ in "$point"/*) ;; *) case ${real%/}/ in "$point"/*) ;; *) continue ;; esac ;; esac
    place=$(cd "$point" 2>/dev/null && pwd -P) || place=$point
    mounted=
    while read -r device there rest; do
      case $there in *\\*) there=$(plain "$there") ;; esac
      [ "$there" = "$place" ] && mounted=yes
    done </proc/self/mounts
    [ "$mounted" ] || trouble NotMounted "$point is in $fstab and not mounted, so $tree is not what it should be; mount it"
  done <"$fstab"
fi
[ -e "$tree" ] || {
  said=$("$VQ_STAT" -- "$tree" 2>&1) || case $said in *'Input/output error'*) complain "$said" "looking for $tree" ;; esac
  above=$tree
  while [ "$above" ] && ! [ -e "$above" ]; do above=${above%/*}; done
  [ "$seen" = 0 ] || [ "$("$VQ_STAT" -c %d -- "${above:-/}")" = "$seen" ] ||
    trouble NotMounted "$tree is gone with the file system that it was on; mount it again"
  trouble PathMissing "$tree does not exist in the guest; create it or correct the path"
}
[ -d "$tree" ] || trouble NotADirectory "$tree is not a directory; a file tree starts at a directory"
cd "$tree" || trouble Unreadable "$tree cannot be entered"
identity=$("$VQ_STAT" -c '%d %i %m' .)
point=${identity#* * }
identity=${identity%" $point"}
# Whether what is mounted at $point, or the last thing of several, is read-only by itself or since an error.
reading() {
  found=
  while read -r id parent device above there options rest; do
    case $there in *\\*) there=$(plain "$there") ;; esac
    [ "$there" = "$point" ] || continue
    found=$options,${rest##* }
  done </proc/self/mountinfo
  case ,$found, in *,ro,* | *,emergency_ro,*) ;; *) return 1 ;; esac
}
# Whether it is to be so: by /etc/fstab, or because nothing was ever remembered on it.
meant() {
  [ -e .virtquorum/memory ] && remembers=1 || remembers=0
  while read -r device there type options rest || [ "$device" ]; do
    case $device in '#'*) continue ;; esac
    case $there in *\\*) there=$(plain "$there") ;; esac
    [ "$there" = "$point" ] || continue
    case ,$options, in *,ro,*) return 0 ;; *) return 1 ;; esac
  done <"$1"
  [ "$remembers" = 0 ]
}
if grep -qE '[ ,](ro|emergency_ro)(,| |$)' /proc/self/mountinfo && reading; then
  [ -r "$fstab" ] || fstab=/dev/null
  meant "$fstab" ||
    trouble FileSystemReadOnly "$point is mounted read-only, so nobody can write to $tree; see the guest's kernel log, check the file system and mount it for writing"
fi
# Past the page cache, which hides that a disk is gone.
alone "$VQ_DD" if=./.virtquorum/memory iflag=direct bs=4096 count=1 of=/dev/null status=none 2>"$list.err" || {
  said=$(head -c 300 "$list.err")
  case $said in *'Input/output error'*) complain "$said" "reading $tree/.virtquorum/memory" ;; esac
}
now=$(date +%s)
alone "$VQ_FIND" . -xdev -ignore_readdir_race ! -path . \( -path ./.virtquorum "$@" \) -prune \
  -o -printf '%y %m %U %G %s %i %T@ %C@ %P\0%l\0' >"$list" 2>"$list.err" || {
  rm -f "$list"
  # What is mounted below is another disk, and its errors are not this one's.
  grep -qF " $(pwd -P)/" /proc/self/mountinfo && trouble Unreadable "Failed while listing $tree: $(head -c 300 "$list.err")"
  failed "$list.err" "listing $tree"
}
rm -f "$list.err"
digest=$("$VQ_SHA256SUM" <"$list") || trouble Unreadable "The listing of $tree cannot be read"
size=$("$VQ_STAT" -c %s "$list")
memory=$("$VQ_STAT" -c %i-%s-%Y .virtquorum/memory 2>/dev/null) || memory=none
applying=0
[ -e .virtquorum/applying ] && applying=1
digest=${digest%% *}
echo "$now $identity $memory $applying $size $digest"
if [ "$digest" = "$last" ]; then
  rm -f "$list"
elif [ "$size" -le "$inline" ]; then
  cat "$list"
  rm -f "$list"
fi
