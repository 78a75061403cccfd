# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced: lines `<bytes> <files> <name>` about data that no manifest names. Needs files.sh. Sets code=4 when something cannot be read.

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
