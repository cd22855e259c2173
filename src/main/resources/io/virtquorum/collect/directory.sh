# directory.sh TREE: makes the tree's .virtquorum, for root alone.
cd "$1" || trouble Unreadable "$1 cannot be entered"
mkdir -p .virtquorum 2>"$VQ_RUN/tmp.err" || failed "$VQ_RUN/tmp.err" "making $1/.virtquorum"
chmod 0700 .virtquorum
