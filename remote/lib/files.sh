# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced by every script: durable small files, one-line JSON, log lines.
# Sourcing it sets LC_ALL=C for the wrappers (byte order, byte classes). The payload gets the caller's back, which is
# remembered here as "=value", or empty when there was none.

HOLDFAST_OUTER_LOCALE=${HOLDFAST_OUTER_LOCALE-${LC_ALL+=$LC_ALL}}
LC_ALL=C
export HOLDFAST_OUTER_LOCALE LC_ALL

newline='
'
tab=$(printf '\t')
carriage_return=$(printf '\r')

# UTC, whole seconds, ISO 8601.
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

say() { printf '%s %s\n' "$(now)" "$*" || :; }

complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# usage_error TEXT: the caller's mistake, nothing was started.
usage_error() {
  complain "$*"
  exit 40
}

# Only coreutils >= 8.24 and busybox can flush one file; where neither is there, everything is flushed.
# A failing flush of one file must stay a failure, so the choice is made once, on a file that is known to be fine.
if sync -d "$0" 2>/dev/null; then
  sync_file() { sync "$1"; }
  sync_files_below() { find "$@" -type f -exec sync {} +; }
else
  sync_file() { sync; }
  sync_files_below() { sync; }
fi

# A rename is durable once its directory is. File systems without that operation say so, which is no failure.
sync_directory() {
  _said=$(sync_file "$1" 2>&1) && return 0
  case $_said in *'Invalid argument'* | *'not supported'* | *'not implemented'*) return 0 ;; esac
  printf '%s\n' "$_said" >&2
  return 1
}

# replace_quickly PATH CONTENT: readers see the old content or the new one; a crash of the machine may lose it.
replace_quickly() {
  _temporary="${1%/*}/.${1##*/}.$$.tmp"
  # mv would move the file *into* a directory of that name and report success.
  if [ ! -d "$1" ] && { printf '%s\n' "$2" >"$_temporary"; } 2>/dev/null && mv -f "$_temporary" "$1" 2>/dev/null; then return 0; fi
  rm -f "$_temporary" 2>/dev/null
  return 1
}

# replace_durably PATH CONTENT: the same, and on the disk when it returns 0. A network file system may fail for a
# moment, so there are three tries; after that the failure is the caller's to report.
replace_durably() {
  for _try in 1 2 3; do
    _temporary="${1%/*}/.${1##*/}.$$.tmp"
    if [ ! -d "$1" ] && { printf '%s\n' "$2" >"$_temporary"; } 2>/dev/null && sync_file "$_temporary" 2>/dev/null &&
      mv -f "$_temporary" "$1" 2>/dev/null && sync_directory "${1%/*}" 2>/dev/null; then
      return 0
    fi
    rm -f "$_temporary" 2>/dev/null
    [ "$_try" = 3 ] || sleep 1
  done
  return 1
}

# read_line PATH -> $content, the first line; fails when the file cannot be read or is empty. Starts no program:
# a queue of a thousand cells reads a thousand states.
read_line() {
  content=''
  { IFS= read -r content || [ -n "$content" ]; } 2>/dev/null <"$1"
}

# json_string TEXT: prints it quoted. Control characters other than tab, newline and return become spaces.
json_string() {
  case $1 in
    *[!A-Za-z0-9_./:@%+=,\ -]*) ;;
    *)
      printf '"%s"' "$1"
      return
      ;;
  esac
  printf '"%s"' "$(
    printf '%s' "$1" | tr '\001-\010\013\014\016-\037' ' ' |
      sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "s/$tab/\\\\t/g" -e "s/$carriage_return/\\\\r/g" |
      sed -e ':join' -e '$!{' -e 'N' -e 'b join' -e '}' -e 's/\n/\\n/g'
  )"
}

# json_field TEXT KEY -> $field: a number, null, or a string's inside. For the one-line objects that these scripts
# write themselves, whose strings hold no quotes. Fails, and empties $field, when the key is absent.
json_field() {
  _key="\"$2\":"
  case $1 in
    *"$_key"*) field=${1#*"$_key"} ;;
    *)
      field=''
      return 1
      ;;
  esac
  case $field in
    \"*)
      field=${field#\"}
      field=${field%%\"*}
      ;;
    *) field=${field%%[,\}]*} ;;
  esac
}

# Any value of JSON that can stand in a state file, as an extended regular expression: atoms, flat objects, arrays of these.
_json_text='"([^"\\[:cntrl:]]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
_json_atom="(null|true|false|-?(0|[1-9][0-9]*)(\\.[0-9]+)?|$_json_text)"
_json_flat="\\{($_json_text:$_json_atom(,$_json_text:$_json_atom)*)?\\}"
_json_item="($_json_atom|$_json_flat)"
_json_value="($_json_item|\\[($_json_item(,$_json_item)*)?\\])"
json_object_pattern="^\\{($_json_text:$_json_value(,$_json_text:$_json_value)*)?\\}\$"

# json_line PATH -> $content: the object in it, whole: one line with its newline. Fails for anything else. Whether it is
# valid JSON throughout is only checked where it is handed on (json_object_pattern).
json_line() {
  content='' _second=''
  { IFS= read -r content && ! IFS= read -r _second && [ -z "$_second" ]; } 2>/dev/null <"$1" || return 1
  case $content in '{'*'}') ;; *) return 1 ;; esac
}
