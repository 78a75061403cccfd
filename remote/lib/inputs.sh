# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced by fetch_inputs.sh: what an input is, what it holds, and what is known of it. Needs files.sh and measure.sh.
#
# An input lives in a folder of its own (its entry) that is named for its content and appears by rename once it is whole:
# ENTRY/<file or folder> and ENTRY/.holdfast-input, one line of JSON with its hash, size and stamp. ENTRY.work is where it
# is brought together, behind the same lock with epochs as a run's: a shared cache has one writer per entry.

# read_input SPEC_DIR NAME -> $input and one variable per key of SPEC_DIR/inputs/NAME. Fails when there is none.
read_input() {
  input=$2
  input_kind='' input_source='' input_mode='' input_sha256='' input_entry='' input_target='' input_bytes='' input_token='' input_pushed='' input_python=''
  input_max_seconds=7200
  case $2 in '' | *[!A-Za-z0-9_-]*) return 1 ;; esac
  [ -r "$1/inputs/$2" ] || return 1
  while IFS= read -r _line || [ -n "$_line" ]; do
    _value=${_line#*=}
    case ${_line%%=*} in
      kind) input_kind=$_value ;;
      source) input_source=$_value ;;
      mode) input_mode=$_value ;;
      sha256) input_sha256=$_value ;;
      entry) input_entry=$_value ;;
      target) input_target=$_value ;;
      bytes) input_bytes=$_value ;;
      token) input_token=$_value ;;
      pushed) input_pushed=$_value ;;
      python) input_python=$_value ;;
      max_seconds) input_max_seconds=$_value ;;
    esac
  done <"$1/inputs/$2"
  case $input_max_seconds in '' | *[!0-9]*) input_max_seconds=7200 ;; esac
  [ -n "$input_target" ]
}

# input_state RUN_DIR STATE WHY: what status shows of $input. The hash that cells of this run have read stays recorded.
input_state() {
  mkdir -p "$1/state/inputs" 2>/dev/null || return 1
  _why=null _hash=${found_sha256:-$recorded_sha256}
  [ -z "$3" ] || _why=$(json_string "$3")
  [ -z "$_hash" ] || _hash="\"$_hash\""
  replace_durably "$1/state/inputs/$input.json" "$(printf '{"input":"%s","state":"%s","why":%s,"sha256":%s,"bytes":%s,"files":%s,"at":"%s","source":%s}' \
    "$input" "$2" "$_why" "${_hash:-null}" "${found_bytes:-null}" "${found_files:-null}" "$(now)" "$(json_string "$input_source")")"
}

# recorded_input RUN_DIR -> $recorded_sha256: what $input was when cells of this run read it, if it came from the same source.
recorded_input() {
  recorded_sha256=''
  json_line "$1/state/inputs/$input.json" || return 0
  case $content in *",\"source\":$(json_string "$input_source")}") ;; *) return 0 ;; esac
  json_field "$content" sha256 && [ "$field" != null ] && recorded_sha256=$field
  return 0
}

# unfit_content PATH -> $unfit: why it cannot be named by a hash; empty when it can. Links count as what they lead to.
unfit_content() {
  unfit=''
  if ! _odd=$(find -L "$1" ! -type d ! -type f 2>&1 | head -n 1); then unfit="$1 cannot be listed"
  elif [ -n "$_odd" ]; then unfit="$_odd is a broken link, a loop, unreadable, or no regular file"
  elif _odd=$(find -L "$1" \( -name '*[[:cntrl:]]*' -o -name '*\\*' \) 2>/dev/null | head -n 1) && [ -n "$_odd" ]; then unfit="a name below $1 holds a control character or a backslash"
  elif [ -d "$1" ] && [ -z "$(find -L "$1" -type f 2>/dev/null | head -n 1)" ]; then unfit="$1 holds no file"
  fi
}

# hash_content PATH -> $found_sha256, $found_bytes, $found_files, $stamp: of a file its sha256, of a folder that of its sorted
# lines `<sha256>  <path>`. $lists is a folder for working files. Fails with $unfit.
hash_content() {
  found_sha256='' found_bytes='' found_files=''
  unfit_content "$1"
  [ -z "$unfit" ] || return 1
  unfit="$1 could not be read to its end"
  if [ -d "$1" ]; then
    (CDPATH='' cd -- "$1" && find -L . -type f | sed 's|^\./||' | sort) >"$lists/paths" || return 1
    (CDPATH='' cd -- "$1" && tr '\n' '\000' | xargs -0 sha256sum --) <"$lists/paths" >"$lists/hashes" 2>/dev/null || return 1
    [ "$(wc -l <"$lists/hashes")" = "$(wc -l <"$lists/paths")" ] || return 1
    _sum=$(sha256sum <"$lists/hashes") || return 1
  else
    _sum=$(sha256sum <"$1") || return 1
  fi
  content_stamp "$1" || return 1
  found_sha256=${_sum%% *} unfit=''
}

# content_stamp PATH -> $stamp, $found_bytes, $found_files: sizes, times and names, to tell later whether anything was changed.
content_stamp() {
  find -L "$1" -type f -exec stat -L -c '%s %Y %n' {} + 2>/dev/null | sort >"$lists/stamp" || return 1
  stamp=$(sha256sum <"$lists/stamp") || return 1
  stamp=${stamp%% *}
  found_files=$(wc -l <"$lists/stamp")
  found_bytes=$(awk '{ bytes += $1 } END { printf "%.0f", bytes }' "$lists/stamp")
}

# write_facts FOLDER: the line that makes a whole entry of it.
write_facts() {
  replace_durably "$1/.holdfast-input" "{\"sha256\":\"$found_sha256\",\"bytes\":$found_bytes,\"files\":$found_files,\"stamp\":\"$stamp\"}"
}

# entry_is_whole: 0 when $input_target is what it was when it was brought; 1 when it is not there; 2 when it was changed.
# Sets $found_sha256, $found_bytes, $found_files.
entry_is_whole() {
  found_sha256='' found_bytes='' found_files=''
  [ -d "$input_entry" ] || return 1
  [ -e "$input_target" ] && json_line "$input_entry/.holdfast-input" || return 2
  _known=$content
  content_stamp "$input_target" || return 2
  json_field "$_known" stamp
  _stamp=$field
  json_field "$_known" sha256
  _hash=$field
  if [ "$_stamp" = "$stamp" ]; then
    found_sha256=$_hash
    return 0
  fi
  # Touched, or changed: the hash tells.
  hash_content "$input_target" && [ "$found_sha256" = "$_hash" ] && write_facts "$input_entry" || return 2
}
