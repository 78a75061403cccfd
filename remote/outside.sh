#!/bin/sh
# Everything on a tier that does not belong to this run, by folder: what would go with the tier.
#   outside.sh MOUNT RUN_DIR
# Prints `<bytes> <files> <folder relative to MOUNT>` ("." for files directly in it), and for folders of other runs
# `run <bytes> <files> PROJECT/STACK/RUN` even when they are empty. Links, sockets and the like count as files of 0 bytes.
# Names with control characters appear with \n, \t, \r or blanks in their place.
# Exit: 0; 4 when a folder cannot be read (`refuse unreadable <folder>`): then the list is not complete; 40 usage.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"

[ $# -eq 2 ] || usage_error 'usage: outside.sh MOUNT RUN_DIR'
mount=$(CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || usage_error "there is no folder $1"
run_dir=$(CDPATH='' cd -- "$2" 2>/dev/null && pwd -P) || run_dir=${2%/}
case $run_dir in
  "${mount%/}"/?*) own=${run_dir#"${mount%/}/"} ;;
  *) usage_error "$run_dir is not inside $mount" ;;
esac
code=0

# count FIND-ARGUMENTS... -> $bytes, $files; fails when something there cannot be read.
count() {
  _counted=$(
    {
      find "$@" -type f -exec stat -c '%s' {} + 2>&1 || printf 'unreadable\n'
      find "$@" ! -type d ! -type f -exec printf '0\n' \; 2>&1 || printf 'unreadable\n'
    } | awk '/^[0-9]+$/ { bytes += $1; files++; next } { bad = 1 } END { printf "%.0f %.0f %s", bytes, files, bad ? "bad" : "good" }'
  )
  bytes=${_counted%% *}
  _counted=${_counted#* }
  files=${_counted%% *}
  [ "${_counted#* }" = good ]
}

printable() {
  _printable=$(json_string "$1")
  _printable=${_printable#\"}
  printf '%s' "${_printable%\"}" | sed -e 's/\\"/"/g' -e 's/\\\\/\\/g'
}

# report FOLDER PREFIX NAME FIND-ARGUMENTS...: one line; without a prefix only where there is something.
report() {
  _folder=$1 _prefix=$2 _name=$3
  shift 3
  if ! count "$@"; then
    # What mkfs puts there for root alone holds nothing of anybody's.
    [ "$_folder" != lost+found ] || return 0
    printf 'refuse unreadable %s\n' "$(printable "$_folder")"
    code=4
  elif [ -n "$_prefix" ] || [ "$files" != 0 ]; then
    printf '%s%s %s %s\n' "$_prefix" "$bytes" "$files" "$(printable "$_name")"
  fi
}

# walk FOLDER: it is relative to the mount, '' for the mount itself; its own files, then each folder in it.
# It goes into the folders that lead to runs, its own or others', and adds up all others.
walk() {
  report "${1:-.}" '' "${1:-.}" "${mount%/}/$1" -mindepth 1 -maxdepth 1
  for _entry in "${mount%/}/${1:+$1/}"* "${mount%/}/${1:+$1/}".[!.]* "${mount%/}/${1:+$1/}"..?*; do
    if [ ! -d "$_entry" ] || [ -L "$_entry" ]; then continue; fi
    folder=${_entry#"${mount%/}/"}
    [ "$folder" != "$own" ] || continue
    case $folder in
      holdfast/*/*/*) report "$folder" 'run ' "${folder#holdfast/}" "$_entry" ;;
      holdfast | holdfast/*) (walk "$folder"; exit "$code") || code=$? ;;
      *)
        case $own in
          "$folder"/*) (walk "$folder"; exit "$code") || code=$? ;;
          *) report "$folder" '' "$folder" "$_entry" ;;
        esac
        ;;
    esac
  done
}

walk ''
exit "$code"
