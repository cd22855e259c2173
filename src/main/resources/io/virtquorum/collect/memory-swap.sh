# memory-swap.sh TREE: puts memory.new in force.
cd "$1/.virtquorum" || trouble Unreadable "$1/.virtquorum cannot be entered"
mv -f memory.new memory 2>/dev/null || [ -e memory ] || trouble Unreadable "$1/.virtquorum/memory cannot be renamed"
"$VQ_SYNC" . || "$VQ_SYNC" -f .
"$VQ_STAT" -c %i-%s-%Y memory
