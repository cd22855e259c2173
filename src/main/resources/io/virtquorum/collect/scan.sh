# scan.sh TREE LIST LAST INLINE FSTAB [FIND-EXPRESSION...]: one line about the tree, then its listing unless its
# digest is LAST or it is longer than INLINE bytes (then it stays in the file LIST, for the caller to fetch).
tree=$1 list=$2 last=$3 inline=$4 fstab=$5
shift 5
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
[ -e "$tree" ] || trouble PathMissing "$tree does not exist in the guest; create it or correct the path"
[ -d "$tree" ] || trouble NotADirectory "$tree is not a directory; a file tree starts at a directory"
cd "$tree" || trouble Unreadable "$tree cannot be entered"
now=$(date +%s)
"$VQ_FIND" . -xdev -ignore_readdir_race ! -path . \( -path ./.virtquorum "$@" \) -prune \
  -o -printf '%y %m %U %G %s %i %T@ %C@ %P\0%l\0' >"$list" 2>"$list.err" || {
  rm -f "$list"
  failed "$list.err" "listing $tree"
}
rm -f "$list.err"
digest=$("$VQ_SHA256SUM" <"$list") || trouble Unreadable "The listing of $tree cannot be read"
identity=$("$VQ_STAT" -c '%d %i' .)
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
