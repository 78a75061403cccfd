#!/bin/sh
# What of a run is worth keeping, byte for byte: every regular file below cells/ and logs/, hashed where it lies.
#   manifest.sh RUN_DIR [CELL...]         with cells: only cells/CELL and logs/CELL.log
#   manifest.sh --all DIR                 any folder: everything in it; paths begin with ./, links are passed over, and what
#                                         changes meanwhile is left out and named (`changed <path>`, exit 0): nobody here can end its writer
# Prints, sorted by path, `<sha256> <bytes> <mtime-seconds> <path relative to RUN_DIR>`; *.tmp files are never artifacts.
# Exit: 0; 4 when something cannot be listed or moved faithfully (`refuse <reason> <path>`, control characters and
# backslashes of the path as in C); 5 when a file changed, came or went meanwhile (`changed <path>`); 40 usage.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/cells.sh"

all=0
if [ "${1-}" = --all ]; then all=1 && shift; fi
[ $# -ge 1 ] || usage_error 'usage: manifest.sh RUN_DIR [CELL...], or --all DIR'
cd -- "$1" 2>/dev/null || usage_error "there is no run directory $1"
shift
roots=''
for cell in "$@"; do
  valid_cell_name "$cell" || usage_error "\"$cell\" is not a cell name"
  roots="$roots cells/$cell logs/$cell.log"
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' TERM INT HUP
present=''
[ "$all" = 0 ] || roots=.
for root in ${roots:-cells logs}; do
  if [ -e "$root" ] || [ -L "$root" ]; then present="$present $root"; fi
done
[ -n "$present" ] || exit 0

# Names with control characters would break lines (here and in every tool behind); a backslash makes sha256sum escape.
# shellcheck disable=SC2086  # $present is a list of names without blanks
list_unfaithful() {
  # A folder of somebody else is taken as it is: what a link names inside of it is listed where it lies.
  [ "$all" = 0 ] || set -- ! -type l
  find $present "$@" \( ! -type f ! -type d -o \( -path '*[[:cntrl:]]*' -o -path '*\\*' \) ! \( -type f -name '*.tmp' \) \) -exec sh -c '
    for path; do
      reason=special-file
      if [ -L "$path" ]; then reason=symlink
      elif [ -p "$path" ]; then reason=fifo
      elif [ -S "$path" ]; then reason=socket
      elif [ -b "$path" ] || [ -c "$path" ]; then reason=device
      elif [ -f "$path" ] || [ -d "$path" ]; then
        case $path in *\\*) reason=backslash ;; *) reason=control-character ;; esac
        case $path in *"
"*) reason=newline ;; esac
      fi
      printf "%s\000%s\000" "$reason" "$path"
    done' sh {} + 2>>"$work/errors" | od -An -v -tu1 | awk '
    { for (i = 1; i <= NF; i++) {
        byte = $i + 0
        if (byte == 0) { if (reason == "") reason = text; else { print "refuse " reason " " text; reason = "" }; text = "" }
        else if (byte == 10) text = text "\\n"
        else if (byte == 92) text = text "\\\\"
        else if (byte < 32 || byte == 127) text = text sprintf("\\%03o", byte)
        else text = text sprintf("%c", byte)
    } }'
}

# One line per file: facts, "|", path. Inode and change time tell a replaced file from an untouched one.
# shellcheck disable=SC2086
list_files() {
  find $present -type f ! -name '*.tmp' ! -path '*[[:cntrl:]]*' ! -path '*\\*' -exec stat -c '%s %Y %i %y %z|%n' {} + 2>>"$work/errors" | sort -t '|' -k 2
}

# Readers of the manifest expect UTF-8; a name in another encoding would come back as another name.
list_undecodable() {
  command -v iconv >/dev/null 2>&1 || return 0
  ! iconv -f UTF-8 -t UTF-8 <"$work/paths" >/dev/null 2>&1 || return 0
  while IFS= read -r path; do
    printf '%s' "$path" | iconv -f UTF-8 -t UTF-8 >/dev/null 2>&1 || printf 'refuse encoding %s\n' "$(printf '%s' "$path" | tr '\200-\377' '?')"
  done <"$work/paths"
}

: >"$work/errors"
list_unfaithful >"$work/refused"
list_files >"$work/before"
cut -d '|' -f 2- "$work/before" >"$work/paths"
list_undecodable >>"$work/refused"
: >"$work/hashes"
if [ -s "$work/paths" ]; then
  # One process reads all files, as many as fit into its arguments.
  tr '\n' '\000' <"$work/paths" | xargs -0 sha256sum -- >"$work/hashes" 2>"$work/unhashed"
fi
list_files >"$work/after"

# Error lines of tools that met a file on its way out are changes; any other error means that something is unread.
grep -v 'No such file or directory' "$work/errors" | while IFS= read -r error; do
  printf 'refuse unreadable %s\n' "$error"
done >>"$work/refused"

awk -v hashes="$work/hashes" -v after="$work/after" -v refused="$work/refused" -v changed="$work/changed" '
  function path_of(line) { return substr(line, index(line, "|") + 1) }
  BEGIN {
    while ((getline line < hashes) > 0) hash[substr(line, 67)] = substr(line, 1, 64)
    while ((getline line < after) > 0) later[path_of(line)] = line
  }
  {
    path = path_of($0)
    if (!(path in later) || later[path] != $0) print "changed " path > changed
    else if (!(path in hash)) print "refuse unreadable " path >> refused
    else print hash[path] " " $1 " " $2 " " path
    delete later[path]
  }
  END { for (path in later) print "changed " path > changed }
' "$work/before"

# Gone between find and stat: `stat: cannot statx 'PATH': No such file or directory`, or find's own shorter form.
sed -n "s/^[^:]*: \(can.t stat \|cannot statx\{0,1\} \)\{0,1\}'\{0,1\}\(.*[^']\)'\{0,1\}: No such file or directory\$/changed \2/p" "$work/errors" >>"$work/changed"

code=0
if [ -s "$work/changed" ]; then
  [ "$all" = 1 ] || code=5
  sort -u "$work/changed"
fi
if [ -s "$work/refused" ]; then
  code=4
  sort -u "$work/refused"
fi
exit "$code"
