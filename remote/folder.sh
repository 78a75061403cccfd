#!/bin/sh
# What lies in a folder that was not made here: how much, what is newest, which links lead out of it. Reads, and writes nothing.
#   folder.sh DIR
# Prints one JSON object: directory (as it is called without links), home, files, bytes, newest ({path, bytes, ageSeconds} or null),
# bytesFree, leadingOut (at most 20 paths of links whose content is not in the folder, with their targets).
# Exit: 0; 4 when a part of it cannot be read (its names on stderr); 40 usage, or there is no such folder.

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"

[ $# = 1 ] || usage_error 'usage: folder.sh DIR'
cd -- "$1" 2>/dev/null || usage_error "there is no folder $1 that can be entered"
root=$(pwd -P)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' TERM INT HUP

find . -type f ! -name '*.tmp' ! -path '*[[:cntrl:]]*' -exec stat -c '%Y %s %n' {} + 2>"$work/errors" >"$work/files"
# What went while it was looked at is no fault; what may not be read is.
if grep -v 'No such file or directory' "$work/errors" >&2; then exit 4; fi

# A link that leads nowhere names nothing that could be lost; one within the folder names what is listed anyway.
find . -type l ! -path '*[[:cntrl:]]*' -exec sh -c '
  root=$1
  shift
  for path; do
    target=$(readlink -f -- "$path" 2>/dev/null) && [ -e "$target" ] || continue
    case $target in "$root" | "$root"/*) ;; *) printf "%s -> %s\n" "${path#./}" "$target" ;; esac
  done' sh "$root" {} + | head -n 20 >"$work/links"

totals=$(awk '{ files += 1; bytes += $2 } END { printf "\"files\":%d,\"bytes\":%.0f", files, bytes }' "$work/files")
newest=null
line=$(sort -n -k 1,1 "$work/files" | tail -n 1)
if [ -n "$line" ]; then
  modified=${line%% *} rest=${line#* }
  newest="{\"path\":$(json_string "${rest#* ./}"),\"bytes\":${rest%% *},\"ageSeconds\":$(($(date +%s) - modified))}"
fi
free=$(df -Pk . | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
links=''
while IFS= read -r link; do links="$links${links:+,}$(json_string "$link")"; done <"$work/links"
printf '{"directory":%s,"home":%s,%s,"newest":%s,"bytesFree":%s,"leadingOut":[%s]}\n' \
  "$(json_string "$root")" "$(json_string "${HOME-}")" "$totals" "$newest" "${free:-null}" "$links"
