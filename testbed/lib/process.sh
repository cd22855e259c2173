# shellcheck shell=bash
# Processes that outlive the command that starts them. A record is "PID STARTTIME": a process id that the kernel has given
# to somebody else since then is never signalled.

start_time() { # field 22 of /proc/PID/stat, counted after the name, which may contain blanks
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  [ "$1" != Z ] && echo "${20}"
}

record() { echo "$2 $(start_time "$2")" > "$STATE/pids/$1"; } # NAME PID

# pid_of NAME: prints the process id if the recorded process still lives
pid_of() {
  local pid began
  { read -r pid began < "$STATE/pids/$1"; } 2>/dev/null || return 1
  [ -n "$pid" ] && [ "$(start_time "$pid")" = "$began" ] && echo "$pid"
}

alive() { pid_of "$1" > /dev/null; }

# start NAME COMMAND...: in a session of its own, its output in logs/NAME.log
start() {
  local name=$1; shift
  mkdir -p "$STATE/pids" "$STATE/logs"
  # ahead of what else keeps the machine busy, guests above all: a starved control plane makes leaders step down;
  # the lock of the command that starts it must not live as long as the process
  setsid nohup nice -n -5 "$@" > "$STATE/logs/$name.log" 2>&1 < /dev/null {LOCK}>&- &
  record "$name" $!
}

# stop NAME [SIGNAL]: signals, waits 10 s, then kills; returns when the process is gone
stop() {
  local pid i
  if pid=$(pid_of "$1"); then
    kill "-${2:-TERM}" "$pid" 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do
      alive "$1" || break
      sleep 0.1
    done
    if alive "$1"; then kill -9 "$pid" 2>/dev/null || true; fi
    for ((i = 0; i < 100; i++)); do
      alive "$1" || break
      sleep 0.1
    done
    ! alive "$1" || warn "$1 (process $pid) does not die"
  fi
  rm -f "$STATE/pids/$1"
}
