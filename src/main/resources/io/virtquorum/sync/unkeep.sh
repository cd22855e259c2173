# unkeep.sh TREE ENTRY: takes the files that .virtquorum/stage/unkept names (NUL ends each) out of an archive entry.
cd "$1/.virtquorum/archive/$2/files" 2>/dev/null || exit 0
"$VQ_XARGS" -0 -r -a ../../../stage/unkept rm -f
