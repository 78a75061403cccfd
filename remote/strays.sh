#!/bin/sh
# What a job left beside its artifacts on the instance's own disk: files in the pushed code directories that were not pushed
# (the working directory of the payload: `model.pt` lands here), and anything else in the tool's folder that is not the tool's.
#   strays.sh BASE          BASE is $HOME/holdfast
# Prints `<bytes> <files> <path relative to the folder above BASE>`, one line for each entry of a code directory.
# Exit: 0; 4 when something cannot be read (`refuse unreadable <folder>`): then the list is not complete; 40 usage.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/report.sh"

[ $# -eq 1 ] || usage_error 'usage: strays.sh BASE'
base=$(CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || usage_error "there is no folder $1"
name=${base##*/}
code=0

# unpushed CODE_DIR: the list beside it was made right after the push; without one everything counts as made here.
unpushed() {
  _list=$1.list
  [ -f "$_list" ] || _list=/dev/null
  (CDPATH='' cd -- "$1" && find . ! -type d ! -name '*.pyc' -exec stat -c '%s %n' {} +) |
    LC_ALL=C awk -v prefix="$name/${1##*/}/" '
      FNR == NR && FILENAME != "-" { pushed[$0] = 1; next }
      {
        size = $1; path = substr($0, length($1) + 2)
        if (path in pushed) next
        path = substr(path, 3); sub(/\/.*/, "", path)
        bytes[path] += size; files[path]++
      }
      END { for (path in bytes) printf "%.0f %.0f %s%s\n", bytes[path], files[path], prefix, path }
    ' "$_list" - | LC_ALL=C sort -k 3
}

for entry in "$base"/* "$base"/.[!.]* "$base"/..?*; do
  [ -e "$entry" ] || [ -L "$entry" ] || continue
  case ${entry##*/} in
    scripts-* | spec-* | secrets | scratch | inputs | packages | cache | setup-*.done | code-*.list) ;;
    # Half a copy that was cut off.
    code-*.partial[.-][0-9]*) ;;
    code-*) if [ -d "$entry" ] && [ ! -L "$entry" ]; then unpushed "$entry" || code=4; fi ;;
    *) report "$name/${entry##*/}" '' "$name/${entry##*/}" "$entry" ;;
  esac
done
exit "$code"
