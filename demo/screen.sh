# shellcheck shell=bash
# What a person reads: plain text of at most 100 columns, times as elapsed seconds, colours only on a terminal.

WIDTH=100
INDENT='        '
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  BOLD=$'\e[1m' BLUE=$'\e[34m' PLAIN=$'\e[0m'
else
  BOLD='' BLUE='' PLAIN=''
fi

now() { echo $((${EPOCHREALTIME/./} / 1000)); } # milliseconds

seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); } # MILLISECONDS

thousands() { # 1234567 -> 1,234,567
  local number=$1 text=''
  while [ ${#number} -gt 3 ]; do
    text=,${number: -3}$text
    number=${number:0:-3}
  done
  echo "$number$text"
}

# hanging FIRST REST: folds its input, the first line after FIRST and the others after REST
hanging() {
  local first=$1 rest=$2 line
  fold -s -w $((WIDTH - ${#rest})) | while IFS= read -r line; do
    printf '%s%s\n' "$first" "${line%"${line##*[! ]}"}"
    first=$rest
  done
}

heading() { printf '\n%s[%4ds] %s%s\n' "$BOLD" "$SECONDS" "$*" "$PLAIN"; }

progress() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }

tell() { hanging "$INDENT" "$INDENT" <<< "$*"; } # a paragraph

blank() { echo; }

shown() { # a command, as it is typed
  printf '%s' "$BLUE"
  hanging "$INDENT\$ " "$INDENT    " <<< "$*"
  printf '%s' "$PLAIN"
}

output() { sed -u "s/^/$INDENT  /"; } # of a command

point() { # LABEL TEXT: something that was seen, at a time or a place
  local label
  label=$(printf '%s  %-9s' "$INDENT" "$1")
  hanging "$label " "$INDENT            " <<< "$2"
}
