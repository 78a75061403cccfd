# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced: queue, limits and state files of cells. Needs files.sh.

# Words that a cell cannot be called: their logs are the queue's own, and *.tmp is never an artifact.
valid_cell_name() {
  case $1 in
    '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;;
    queue | setup | *.tmp | *.kept-[0-9]*) return 1 ;;
  esac
  [ "${#1}" -le 64 ]
}

# What a fresh start set aside keeps its cell's name with .kept-N behind it: a state and a folder, never a line of a queue.
valid_state_name() {
  case $1 in
    *.kept-*[!0-9]* | *.kept-) return 1 ;;
    *.kept-*) valid_cell_name "${1%.kept-*}" ;;
    *) valid_cell_name "$1" ;;
  esac
}

# read_queue SPEC_DIR -> $queue (names, one blank between) and $queue_faults ('' or text). The whole file is read before
# any cell starts, the last line with or without newline, so no child can eat it. Fails when it cannot be read. A queue that
# reads as it did the last time is not taken apart again: it is looked at before every cell, and may have a thousand lines.
read_queue() {
  { [ -r "$1/queue" ] && [ ! -d "$1/queue" ] && _text=$(cat "$1/queue" 2>/dev/null); } || {
    queue='' queue_faults=''
    return 1
  }
  if [ -n "$_text" ] && [ "$_text" = "${queue_text-}" ]; then
    queue=$queue_of_text queue_faults=$queue_faults_of_text
    return 0
  fi
  queue='' queue_faults=''
  while IFS= read -r _line; do
    _line=${_line%"$carriage_return"}
    _line=${_line%%#*}
    _line=${_line#"${_line%%[! "$tab"]*}"}
    _line=${_line%"${_line##*[! "$tab"]}"}
    [ -n "$_line" ] || continue
    if ! valid_cell_name "$_line"; then
      queue_faults="$queue_faults; \"$_line\" is not a cell name (letters, digits, . _ - ; at most 64; not queue, setup, *.tmp)"
    else
      case " $queue " in
        *" $_line "*) queue_faults="$queue_faults; $_line stands there twice" ;;
        *) queue="$queue${queue:+ }$_line" ;;
      esac
    fi
  done <<EOF
$_text
EOF
  queue_faults=${queue_faults#; }
  queue_text=$_text queue_of_text=$queue queue_faults_of_text=$queue_faults
}

# read_limits SPEC_DIR -> one variable per limit. A missing key has the default, an empty value means none (0).
# Fails with $limits_fault. Unknown keys are for newer scripts.
read_limits() {
  bytes_floor=1073741824 inodes_floor=1000 max_retries=2 retry_backoff_seconds=10
  checkpoint_every_seconds=600 heartbeat_seconds=5 stop_grace_seconds=60 setup_max_seconds=3600 mount=''
  limits_fault=''
  [ -e "$1/limits" ] || return 0
  while IFS= read -r _line || [ -n "$_line" ]; do
    _line=${_line%"$carriage_return"}
    _key=${_line%%=*} _value=${_line#*=}
    case $_key in
      mount) mount=$_value ;;
      checkpoint_every_seconds)
        case $_value in *[!0-9.]* | *.*.* | .*) limits_fault="$limits_fault $_line" ;; esac
        checkpoint_every_seconds=${_value:-0}
        ;;
      bytes_floor | inodes_floor | max_retries | retry_backoff_seconds | heartbeat_seconds | stop_grace_seconds | setup_max_seconds)
        case $_value in *[!0-9]* | 0?* | ???????????????????*) limits_fault="$limits_fault $_line" ;; *) eval "$_key=\${_value:-0}" ;; esac
        ;;
    esac
  done <"$1/limits"
  [ "$heartbeat_seconds" -ge 1 ] || heartbeat_seconds=1
  [ -z "$limits_fault" ]
}

# cell_hash SPEC_DIR CELL -> $config_sha256, $code_sha256, $inputs_sha256 ('' when there is none): what the cell is, what it is
# run with, what it reads. The file: the first by itself, then `code HASH` and `inputs HASH`.
cell_hash() {
  config_sha256='' code_sha256='' inputs_sha256=''
  [ -r "$1/cells/$2/sha256" ] || return 0
  while IFS= read -r _line || [ -n "$_line" ]; do
    _line=${_line%"$carriage_return"}
    case ${_line##* } in *[!0-9A-Za-z]*) continue ;; esac
    case $_line in
      'code '*) code_sha256=${_line#code } ;;
      'inputs '*) inputs_sha256=${_line#inputs } ;;
      *' '*) ;;
      *) config_sha256=${config_sha256:-$_line} ;;
    esac
  done <"$1/cells/$2/sha256"
}

# glance_at_cell RUN_DIR CELL -> $cell_state ('' when there is none), $cell_json, $attempt. What is taken out of a long line costs a
# shell its length each time: over a thousand cells, all fields take seconds and these two do not.
glance_at_cell() {
  cell_state='' cell_json='' attempt=0
  json_line "$1/state/cells/$2.json" || return 1
  cell_json=$content
  json_field "$content" state && cell_state=$field
  json_field "$content" attempt && attempt=$field
  case $attempt in '' | *[!0-9]*) attempt=0 ;; esac
}

# read_cell RUN_DIR CELL: the same, and the fields that outlive an attempt.
read_cell() {
  recorded_sha256='' cell_cause='' cell_pid='' cell_ticks='' wrapper_pid='' wrapper_ticks=''
  cell_boot='' cell_epoch='' recorded_code_sha256='' recorded_inputs_sha256='' recorded_spec='' recorded_code='' cell_class='' cell_retries=0
  glance_at_cell "$1" "$2" || return 1
  json_field "$content" configSha256 && recorded_sha256=$field
  json_field "$content" codeSha256 && recorded_code_sha256=$field
  json_field "$content" inputsSha256 && recorded_inputs_sha256=$field
  json_field "$content" spec && recorded_spec=$field
  json_field "$content" code && recorded_code=$field
  json_field "$content" cause && cell_cause=$field
  json_field "$content" class && cell_class=$field
  json_field "$content" retries && cell_retries=$field
  json_field "$content" pid && cell_pid=$field
  json_field "$content" startTicks && cell_ticks=$field
  json_field "$content" wrapperPid && wrapper_pid=$field
  json_field "$content" wrapperTicks && wrapper_ticks=$field
  json_field "$content" bootId && cell_boot=$field
  json_field "$content" epoch && cell_epoch=$field
  case $cell_retries in '' | *[!0-9]*) cell_retries=0 ;; esac
}

# has_begun RUN_DIR: whether $cell, as read_cell found it, holds something that another configuration must not be mixed with.
# One that failed before it wrote a file does not.
has_begun() {
  [ "$attempt" != 0 ] || return 1
  case $cell_state in running | complete) return 0 ;; esac
  [ -n "$(find "$1/cells/$cell" -type f 2>/dev/null | head -n 1)" ]
}

# is_same_cell: whether what cell_hash read is what the cell began as, code apart. A state without hashes is taken at its word.
is_same_cell() {
  case $recorded_sha256 in '' | null | "$config_sha256") ;; *) return 1 ;; esac
  case $recorded_inputs_sha256 in '') return 0 ;; null) [ -z "$inputs_sha256" ] ;; *) [ "$recorded_inputs_sha256" = "$inputs_sha256" ] ;; esac
}

# cell_record STATE EXIT CAUSE STARTED ENDED: prints the object for $cell with $attempt, $pid, $payload_ticks, the hashes,
# $own_spec and $own_code (names of the folders that it runs from), $epoch, $boot_id, $wrapper_ticks and $kills; what is known
# of its last failure ($class, $certainty, $evidence) and $retries, how often it was tried again by itself without a new
# checkpoint. An empty value becomes null.
cell_record() {
  _cause=${3:+\"$3\"} _started=${4:+\"$4\"} _ended=${5:+\"$5\"} _hash=${config_sha256:+\"$config_sha256\"}
  _code_hash=${code_sha256:+\"$code_sha256\"} _inputs_hash=${inputs_sha256:+\"$inputs_sha256\"}
  case ${own_spec-}${own_code-} in *[!A-Za-z0-9._-]*) own_spec='' own_code='' ;; esac
  _spec=${own_spec:+\"$own_spec\"} _code=${own_code:+\"$own_code\"}
  printf '{"cell":"%s","state":"%s","attempt":%s,"exit":%s,"cause":%s,"startedAt":%s,"endedAt":%s' \
    "$cell" "$1" "$attempt" "${2:-null}" "${_cause:-null}" "${_started:-null}" "${_ended:-null}"
  printf ',"pid":%s,"pgid":%s,"startTicks":%s,"configSha256":%s' "${pid:-null}" "${pid:-null}" "${payload_ticks:-null}" "${_hash:-null}"
  printf ',"codeSha256":%s,"inputsSha256":%s,"spec":%s,"code":%s' "${_code_hash:-null}" "${_inputs_hash:-null}" "${_spec:-null}" "${_code:-null}"
  printf ',"epoch":%s,"bootId":"%s","wrapperPid":%s,"wrapperTicks":%s,"oomKills":%s' \
    "${epoch:-null}" "${boot_id-}" "${wrapper_pid:-null}" "${wrapper_ticks:-null}" "${kills:-null}"
  _class=${class:+\"$class\"} _certainty=${certainty:+\"$certainty\"} _evidence=${evidence-}
  printf ',"class":%s,"certainty":%s,"retries":%s,"evidence":[%s]}' "${_class:-null}" "${_certainty:-null}" "${retries:-0}" "${_evidence#,}"
}

# write_cell RUN_DIR HOW STATE EXIT CAUSE STARTED ENDED: HOW is durably or quickly. Half a record is never written.
write_cell() {
  _path=$1/state/cells/$cell.json _how=$2
  shift 2
  _record=$(cell_record "$@") && "replace_$_how" "$_path" "$_record"
}

# judge_record JSON: the object with $class, $certainty, $evidence and $retries in it, which stand at its end.
judge_record() {
  _class=${class:+\"$class\"} _certainty=${certainty:+\"$certainty\"} _evidence=${evidence-}
  printf '%s,"class":%s,"certainty":%s,"retries":%s,"evidence":[%s]}' "${1%%,\"class\":*}" "${_class:-null}" "${_certainty:-null}" "${retries:-0}" "${_evidence#,}"
}

# end_record JSON STATE CAUSE [EXIT]: the object of an attempt, given another state and end. Everything else stays.
end_record() {
  _cause=${3:+\"$3\"}
  printf '%s' "$1" | sed -e "s/\"state\":\"[a-z]*\"/\"state\":\"$2\"/" -e "s/\"cause\":[^,]*/\"cause\":${_cause:-null}/" -e "s/\"endedAt\":[^,]*/\"endedAt\":\"$(now)\"/" \
    ${4:+-e "s/\"exit\":[^,]*/\"exit\":$4/"}
}
