# shellcheck shell=bash
# What a person sees: lines with the elapsed time, waits that end, and refusals in a sentence.

STARTED_MS=$(date +%s%3N)
HEARTBEAT=${TESTBED_HEARTBEAT:-30}   # seconds between two "still at it" lines of a long step

elapsed() { local ms=$(($(date +%s%3N) - ${1:-$STARTED_MS})); printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100)); }
say() { printf '%7ss  %s\n' "$(elapsed)" "$*" >&2; }
warn() { printf '%7ss  warning: %s\n' "$(elapsed)" "$*" >&2; }
die() { printf 'testbed: %s\n' "$*" >&2; exit 1; }

heartbeat() { # WHAT LOG BEGAN
  trap 'kill $!; exit 0' TERM
  while :; do
    sleep "$HEARTBEAT" &
    wait $!
    say "$1: still at it after $(elapsed "$3")s; log: $2"
  done
}

# step WHAT LOG COMMAND...: runs the command with its output in LOG, says when it began, goes on, and ended
step() {
  local what=$1 log=$2 began heartbeat code=0; shift 2
  began=$(date +%s%3N)
  mkdir -p "$(dirname "$log")"
  say "$what ..."
  heartbeat "$what" "$log" "$began" &
  heartbeat=$!
  ("$@") > "$log" 2>&1 || code=$?
  kill "$heartbeat" 2> /dev/null || true
  wait "$heartbeat" 2> /dev/null || true
  if [ "$code" != 0 ]; then
    { echo "--- the end of $log:"; tail -n 20 "$log"; echo "---"; } >&2
    die "$what failed after $(elapsed "$began")s (exit code $code). The whole log: $log"
  fi
  say "$what: done in $(elapsed "$began")s"
}

# wait_for SECONDS WHAT LOG COMMAND...: polls until the command succeeds; at the deadline it says what is wrong and where to look
wait_for() {
  local limit=$1 what=$2 log=$3 began next now; shift 3
  began=$(date +%s%3N)
  next=$((began + HEARTBEAT * 1000))
  until "$@" > /dev/null 2>&1; do
    now=$(date +%s%3N)
    [ $((now - began)) -lt $((limit * 1000)) ] || die "waited $limit s for $what, in vain. Look at: $log"
    if [ "$now" -ge "$next" ]; then
      say "waiting for $what: $(elapsed "$began")s of at most $limit s; log: $log"
      next=$((now + HEARTBEAT * 1000))
    fi
    sleep 0.2
  done
}
