# archive-remove.sh TREE ENTRY
cd "$1/.virtquorum/archive" 2>/dev/null || exit 0
rm -rf "./$2"
