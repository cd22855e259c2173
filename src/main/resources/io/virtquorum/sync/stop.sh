# stop.sh DIRECTORY...: ends the daemons of these directories, if they are still ours, and removes the directories.
# No "--" before the negative numbers: dash and busybox do not know it.
for directory; do
  [ -d "$directory" ] || continue
  pid=
  read -r pid <"$directory/pid" 2>/dev/null
  if [ "$pid" ] && runs "$pid" "$directory/rsyncd.conf"; then
    kill -TERM "-$pid" 2>/dev/null
    tries=0
    while kill -0 "-$pid" 2>/dev/null && [ "$tries" -lt 40 ]; do
      tries=$((tries + 1))
      sleep 0.05
    done
    kill -KILL "-$pid" 2>/dev/null
  fi
  rm -rf "$directory"
done
exit 0
