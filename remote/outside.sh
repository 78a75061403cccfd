#!/bin/sh
# Everything on a tier that no manifest of this run names, by folder: what would go with the tier. In the run's own
# directory that is all but cells, logs and what the scripts and the tool keep there.
#   outside.sh MOUNT RUN_DIR
# Prints `<bytes> <files> <folder relative to MOUNT>` ("." for files directly in it), and for folders of other runs
# `run <bytes> <files> PROJECT/STACK/RUN` even when they are empty; `ended ...` when that run has ended and state/ended.json
# says that all of it was pulled. Links, sockets and the like count as files of 0 bytes.
# Names with control characters appear with \n, \t, \r or blanks in their place.
# Exit: 0; 4 when a folder cannot be read (`refuse unreadable <folder>`): then the list is not complete; 40 usage.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/report.sh"

[ $# -eq 2 ] || usage_error 'usage: outside.sh MOUNT RUN_DIR'
mount=$(CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || usage_error "there is no folder $1"
run_dir=$(CDPATH='' cd -- "$2" 2>/dev/null && pwd -P) || run_dir=${2%/}
case $run_dir in
  "${mount%/}"/?*) own=${run_dir#"${mount%/}/"} ;;
  *) usage_error "$run_dir is not inside $mount" ;;
esac
code=0

# What lies in the run's own directory beside what belongs there: the manifest covers cells and logs only, so nobody else
# would ever name it.
strays() {
  report "$own" '' "$own" "${mount%/}/$own" -mindepth 1 -maxdepth 1
  for _stray in "${mount%/}/$own/"* "${mount%/}/$own/".[!.]* "${mount%/}/$own/"..?*; do
    if [ ! -d "$_stray" ] || [ -L "$_stray" ]; then continue; fi
    case ${_stray##*/} in cells | logs | state | lock | custody) continue ;; esac
    report "$own/${_stray##*/}" '' "$own/${_stray##*/}" "$_stray"
  done
}

# walk FOLDER: it is relative to the mount, '' for the mount itself; its own files, then each folder in it.
# It goes into the folders that lead to runs, its own or others', and adds up all others.
walk() {
  report "${1:-.}" '' "${1:-.}" "${mount%/}/$1" -mindepth 1 -maxdepth 1
  for _entry in "${mount%/}/${1:+$1/}"* "${mount%/}/${1:+$1/}".[!.]* "${mount%/}/${1:+$1/}"..?*; do
    if [ ! -d "$_entry" ] || [ -L "$_entry" ]; then continue; fi
    folder=${_entry#"${mount%/}/"}
    if [ "$folder" = "$own" ]; then
      case $own in holdfast/*/*/*) strays ;; esac
      continue
    fi
    case $folder in
      holdfast/*/*/*)
        kind='run '
        ! grep -qs '"copied":true' "$_entry/state/ended.json" || kind='ended '
        report "$folder" "$kind" "${folder#holdfast/}" "$_entry"
        ;;
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
