# shellcheck shell=bash
# Follows the HACluster's status and events with two watches of the API server, and prints what is new. What was seen last is
# in SEEN[...]; every condition that the demo waits for reads it.

declare -A SEEN=([synced]='' [primary]='' [epoch]='' [ready]='' [why]='' [tally]='' [repair]='' [failover]='' [members]='')
declare -A MEMBER_SEEN=() EVENT_SEEN=() PIECES=()
REPAIRS=()  # "member|sample|rows|bytes|duration" of every repair, in their order
WATCHES=()
STEP_BEGAN=$(now)
REPORTED=$STEP_BEGAN
COMMITTED_AT=0          # when a new epoch was first seen since this was set to 0
DRIFTED_AT=0            # when a member was first seen drifted since this was set to 0
QUIET_ABOUT_MEMBERS=yes # before the first epoch there is nothing to compare them with

STATUS_LINE='{.status.inSync}|{.status.record.primary}|{.status.record.committed.epoch}|'
STATUS_LINE+='{.status.conditions[?(@.type=="Ready")].status}|{.status.conditions[?(@.type=="Ready")].message}|'
STATUS_LINE+='{.status.tally.explanation}|{.status.lastRepair.time}|{.status.lastRepair.member}|'
STATUS_LINE+='{.status.lastRepair.sample}|{.status.lastRepair.rows}|{.status.lastRepair.bytes}|'
STATUS_LINE+='{.status.lastRepair.duration}|{.status.lastFailover.time}|{.status.lastFailover.to}|'
STATUS_LINE+='{range .status.members[*]}{.name}={.class}={.inSync}={.reason};{end}{"\n"}'
EVENT_LINE='{.metadata.uid}|{.type}|{.reason}|{.message}{"\n"}'

# watch FILE ARGUMENTS...: a kubectl watch that is begun again when it ends, after a minute at the latest: one whose connection
# died without a word waits for ever. What kubectl says is kept in FILE.errors.
watch() {
  local file=$1
  shift
  : > "$file"
  # shellcheck disable=SC2016
  setsid bash -c 'while :; do "$@"; sleep 1; done' watch "$KUBECTL" -n demo get -w --request-timeout=60s "$@" \
    > "$file" 2> "$file.errors" < /dev/null &
  WATCHES+=($!)
}

observe() {
  watch "$WORK/status" hac web -o "jsonpath=$STATUS_LINE"
  watch "$WORK/events" events --field-selector involvedObject.kind=HACluster -o "jsonpath=$EVENT_LINE"
  exec {STATUS_FD}< "$WORK/status" {EVENTS_FD}< "$WORK/events"
}

stop_observing() {
  local group
  for group in "${WATCHES[@]}"; do kill -- "-$group" 2> /dev/null || true; done
  WATCHES=()
}

since() { printf '+%d.%ds' $((($1 - STEP_BEGAN) / 1000)) $((($1 - STEP_BEGAN) % 1000 / 100)); }

report() {
  REPORTED=$(now)
  point "$(since "$REPORTED")" "$1"
}

# take_in KEY VALUE: true if it is news
take_in() {
  [ "${SEEN[$1]}" != "$2" ] || return 1
  SEEN[$1]=$2
}

news() { # prints what came in since the last time
  while next_line "$STATUS_FD"; do status_news "$LINE"; done
  while next_line "$EVENTS_FD"; do event_news "$LINE"; done
}

next_line() { # FILE_DESCRIPTOR: the next whole line in LINE; kubectl writes a line in pieces, so its begin is kept
  local piece
  if ! IFS= read -r -u "$1" piece; then
    PIECES[$1]=${PIECES[$1]:-}$piece
    return 1
  fi
  LINE=${PIECES[$1]:-}$piece
  PIECES[$1]=''
}

status_news() {
  local synced primary epoch ready why tally at member sample rows bytes took failed_at successor members one
  IFS='|' read -r synced primary epoch ready why tally at member sample rows bytes took failed_at successor members <<< "$1"
  SEEN[ready]=$ready
  SEEN[why]=$why
  SEEN[failover]="$failed_at $successor"
  SEEN[members]=$members
  if [ "$QUIET_ABOUT_MEMBERS" = no ]; then
    local -a each
    IFS=';' read -r -a each <<< "$members"
    for one in "${each[@]}"; do member_news "$one"; done
    if take_in tally "$tally" && [ -n "$tally" ]; then report "tally: $tally"; fi
  fi
  SEEN[tally]=$tally
  if take_in repair "$at|$member|$sample|$rows|$bytes|$took" && [ -n "$member" ]; then
    REPAIRS+=("$member|$sample|$rows|$bytes|$took")
  fi
  if take_in primary "$primary" && [ -n "$primary" ]; then report "users are led to $primary"; fi
  if take_in epoch "$epoch" && [ -n "$epoch" ]; then
    if [ "$COMMITTED_AT" = 0 ]; then COMMITTED_AT=$(now); fi
    report "epoch $epoch"
  fi
  if take_in synced "$synced" && [ -n "$synced" ] && [ "$QUIET_ABOUT_MEMBERS" = no ]; then report "in sync: $synced"; fi
}

member_news() { # NAME=CLASS=INSYNC=REASON
  local name class synced why text
  IFS='=' read -r name class synced why <<< "$1"
  if [ "$synced" = true ]; then
    text="holds the state"
  elif [ "$class" = steady ]; then
    return # it holds the committed state while a newer one is on its way to it
  else
    text="${class}: $why"
  fi
  if [ "$class" = drifted ] && [ "$DRIFTED_AT" = 0 ]; then DRIFTED_AT=$(now); fi
  if [ "${MEMBER_SEEN[$name]:-}" != "$text" ]; then
    if [ -n "${MEMBER_SEEN[$name]:-}" ]; then report "$name $text"; fi
    MEMBER_SEEN[$name]=$text
  fi
}

event_news() { # UID|TYPE|REASON|MESSAGE
  local uid kind reason message
  IFS='|' read -r uid kind reason message <<< "$1"
  if [ -n "${EVENT_SEEN[$uid]:-}" ]; then return; fi
  EVENT_SEEN[$uid]=$reason
  if [ "$reason" = WaitingForMembers ]; then return; fi # still_waiting says it, more seldom
  if [ "$reason" = Committed ] && [ "$COMMITTED_AT" = 0 ]; then COMMITTED_AT=$(now); fi
  if [ "$kind" = Normal ]; then report "event $reason: $message"; else report "warning $reason: $message"; fi
}

# follow SECONDS EXPECTED CONDITION...: prints what VirtQuorum reports until the condition holds; fails at the deadline
follow() {
  local limit=$1 expected=$2 began
  shift 2
  began=$(now)
  REPORTED=$began
  news
  until "$@"; do
    if [ $(($(now) - began)) -ge $((limit * 1000)) ]; then fail "$expected within $limit s"; fi
    if [ $(($(now) - REPORTED)) -ge 30000 ]; then still_waiting; fi
    sleep 0.2
    news
  done
  # the event of what the status already says is a moment behind it
  sleep 0.7
  news
}

still_waiting() { # what VirtQuorum says of each member that is not in sync
  local one name class synced why text=''
  local -a each
  IFS=';' read -r -a each <<< "${SEEN[members]}"
  for one in "${each[@]}"; do
    IFS='=' read -r name class synced why <<< "$one"
    if [ "$synced" != true ]; then text+="${text:+, }$name ($why)"; fi
  done
  report "still waiting${text:+ for $text}"
}

all_synced() { [ "${SEEN[synced]}" = 3/3 ] && [ "${SEEN[ready]}" = True ]; }

repaired_since() { # COUNT MEMBER: a repair of that member after the first COUNT ones, and all equal again
  local i
  all_synced || return 1
  for ((i = $1; i < ${#REPAIRS[@]}; i++)); do
    if [ "${REPAIRS[i]%%|*}" = "$2" ]; then return 0; fi
  done
  return 1
}

epoch_after() { [ "${SEEN[epoch]:-0}" -gt "$1" ] && all_synced; }

primary_is_not() { [ -n "${SEEN[primary]}" ] && [ "${SEEN[primary]}" != "$1" ]; }
