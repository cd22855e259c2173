# archive-list.sh TREE: name, KiB and first line of the manifest of each entry, each ended by a line's end.
cd "$1/.virtquorum/archive" 2>/dev/null || exit 0
for entry in *; do
  [ -d "$entry" ] || continue
  size=$(du -sk "$entry")
  first=
  [ -f "$entry/manifest" ] && read -r first <"$entry/manifest"
  printf '%s\n%s\n%s\n' "$entry" "${size%%[!0-9]*}" "$first"
done
