# memory-commit.sh TREE: makes .virtquorum/memory.new, and all it speaks of, durable.
cd "$1/.virtquorum" || trouble Unreadable "$1/.virtquorum cannot be entered"
"$VQ_SYNC" -f . || trouble Unreadable "$1 cannot be made durable"
