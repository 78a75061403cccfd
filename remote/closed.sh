#!/bin/sh
# Files of cells that nobody writes any more, while others of the run are still being written.
#   closed.sh RUN_DIR SECONDS             prints `closed <bytes> <mtime-seconds> <path>`, or `open ...` for the others, sorted by path
#   closed.sh RUN_DIR SECONDS --hash      reads paths on stdin, one per line, and prints `<sha256> <bytes> <mtime-seconds> <path>`
#                                         of those that are closed before and after they are read; the others are left out
# Closed: unchanged for SECONDS by this machine's clock, and no process that can be looked at has it open for writing. Paths are
# relative to RUN_DIR and below cells/; *.tmp files and names that cannot be copied faithfully are passed over. Exit: 0, 40 usage.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"

usage='usage: closed.sh RUN_DIR SECONDS [--hash]'
[ $# -eq 2 ] || { [ $# -eq 3 ] && [ "$3" = --hash ]; } || usage_error "$usage"
cd -- "$1" 2>/dev/null || usage_error "there is no run directory $1"
case $2 in '' | *[!0-9]* | ?????????*) usage_error "\"$2\" is not a number of seconds" ;; esac
seconds=$2 mode=${3:-}
[ -d cells ] || exit 0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' TERM INT HUP

# One line per file: device:inode, bytes, mtime, ctime, change time to the nanosecond, "|", path.
list_files() {
  find cells -type f ! -name '*.tmp' ! -path '*[[:cntrl:]]*' ! -path '*\\*' -exec stat -c '%d:%i %s %Y %Z %z|%n' {} + 2>/dev/null | sort -t '|' -k 2
}

# device:inode of those of the list that some process has open for writing. By inode, since a container has other paths. The
# lowest two bits of the flags, which are octal, say how a file is open; flags that cannot be read count as writing.
open_for_writing() {
  find /proc/[0-9]*/fd -type l -exec stat -L -c '%d:%i %n' {} + 2>/dev/null |
    awk -v list="$1" 'BEGIN { while ((getline line < list) > 0) { split(line, part, " "); wanted[part[1]] = 1 } } $1 in wanted' |
    while read -r file fd; do
      flags=''
      while read -r key value; do [ "$key" != flags: ] || flags=$value; done 2>/dev/null <"${fd%/fd/*}/fdinfo/${fd##*/}"
      case $flags in *[04]) continue ;; esac
      # A process that has ended meanwhile writes nothing.
      [ ! -L "$fd" ] || printf '%s\n' "$file"
    done
}

# judge LIST: each line again, behind `closed ` or `open `.
judge() {
  open_for_writing "$1" >"$work/writing"
  awk -v writing="$work/writing" -v now="$(date +%s)" -v seconds="$seconds" '
    BEGIN { while ((getline line < writing) > 0) held[line] = 1 }
    {
      changed = $3 > $4 ? $3 : $4
      print ((!($1 in held) && now - changed >= seconds) ? "closed " : "open ") $0
    }' "$1"
}

list_files >"$work/files"
judge "$work/files" >"$work/judged"
if [ "$mode" != --hash ]; then
  # word, inode, bytes, mtime, ctime, change time in three words, path
  sed 's/^\([a-z]*\) [^ ]* \([0-9]*\) \(-\{0,1\}[0-9]*\) [^|]*|/\1 \2 \3 /' "$work/judged"
  exit 0
fi

cat >"$work/asked"
awk -v asked="$work/asked" '
  BEGIN { while ((getline line < asked) > 0) wanted[line] = 1 }
  /^closed / { if (substr($0, index($0, "|") + 1) in wanted) print substr($0, 8) }' "$work/judged" >"$work/before"
[ -s "$work/before" ] || exit 0
cut -d '|' -f 2- "$work/before" | tr '\n' '\000' | xargs -0 sha256sum -- >"$work/hashes" 2>/dev/null
list_files >"$work/later"
judge "$work/later" | sed -n 's/^closed //p' >"$work/after"
awk -v hashes="$work/hashes" -v after="$work/after" '
  BEGIN {
    while ((getline line < hashes) > 0) hash[substr(line, 67)] = substr(line, 1, 64)
    while ((getline line < after) > 0) same[line] = 1
  }
  {
    path = substr($0, index($0, "|") + 1)
    if (($0 in same) && (path in hash)) print hash[path] " " $2 " " $3 " " path
  }' "$work/before"
