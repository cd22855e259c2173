#!/usr/bin/env bash
# shellcheck disable=SC2034
# Checks the testbed. Usage: testbed selftest [fast | cluster | cycle | apart]
#   fast     the scripts themselves: shellcheck, the pinned modules, what the verbs refuse
#   cluster  fast, and the running testbed: services, pods, volumes (a minute; leaves nothing)
#   cycle    down, up, down, up: what is left, and how a killed testbed is mended (minutes; ENDS what runs)
#   apart    the same on a testbed of its own, apart from the one that runs (needs 4 GiB of memory more)
set -uo pipefail
HERE=$(dirname "$(dirname "$(realpath "$0")")")
TESTBED=$HERE/testbed
passed=0 failed=0

check() { # WHAT COMMAND...
  local what=$1 output; shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "  ok    $what"
  else
    failed=$((failed + 1))
    echo "  FAIL  $what"
    printf '%s\n' "$output" | tail -n 15 | sed 's/^/        /'
  fi
}
skip() { echo "  skip  $1"; }
refuses() { # SENTENCE COMMAND...
  local sentence=$1 output; shift
  if output=$("$@" 2>&1); then echo "was not refused: $*"; return 1; fi
  [[ $output == *"$sentence"* ]] || { echo "said instead: $output"; return 1; }
}

for file in "$HERE"/test/checks/*.sh; do
  # shellcheck source=/dev/null
  source "$file"
done

case ${1:-cluster} in
  fast) fast_checks ;;
  cluster) fast_checks; cluster_checks ;;
  cycle) cycle_checks ;;
  apart) exec env APART=yes "$HERE/test/contained.sh" "$0" cycle ;;
  *) sed -n 3,8p "$0"; exit 2 ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
