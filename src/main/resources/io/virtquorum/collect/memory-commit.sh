# memory-commit.sh TREE: makes .virtquorum/memory.new, and all it speaks of, durable.
cd "$1/.virtquorum" || trouble Unreadable "$1/.virtquorum cannot be entered"
said=$("$VQ_SYNC" -f . 2>&1) || complain "$said" "making $1 durable"
