# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced: queue, limits and state files of cells. Needs files.sh.

# Words that a cell cannot be called: their logs are the queue's own, and *.tmp is never an artifact.
valid_cell_name() {
  case $1 in
    '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;;
    queue | setup | *.tmp) return 1 ;;
  esac
  [ "${#1}" -le 64 ]
}

# read_queue SPEC_DIR -> $queue (names, one blank between) and $queue_faults ('' or text). The whole file is read before
# any cell starts, the last line with or without newline, so no child can eat it. Fails when it cannot be read.
read_queue() {
  queue='' queue_faults=''
  [ -r "$1/queue" ] && [ ! -d "$1/queue" ] || return 1
  while IFS= read -r _line || [ -n "$_line" ]; do
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
  done <"$1/queue"
  queue_faults=${queue_faults#; }
}

# read_limits SPEC_DIR -> one variable per limit. A missing key has the default, an empty value means none (0).
# Fails with $limits_fault. Unknown keys are for newer scripts.
read_limits() {
  bytes_floor=1073741824 inodes_floor=1000 max_attempts=3 retry_backoff_seconds=10
  checkpoint_every_seconds=600 heartbeat_seconds=5 stop_grace_seconds=60 mount=''
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
      bytes_floor | inodes_floor | max_attempts | retry_backoff_seconds | heartbeat_seconds | stop_grace_seconds)
        case $_value in *[!0-9]* | 0?* | ???????????????????*) limits_fault="$limits_fault $_line" ;; *) eval "$_key=\${_value:-0}" ;; esac
        ;;
    esac
  done <"$1/limits"
  [ "$max_attempts" -ge 1 ] || max_attempts=1
  [ "$heartbeat_seconds" -ge 1 ] || heartbeat_seconds=1
  [ -z "$limits_fault" ]
}

# cell_hash SPEC_DIR CELL -> $config_sha256 ('' when there is none).
cell_hash() {
  config_sha256=''
  ! read_line "$1/cells/$2/sha256" || config_sha256=${content%"$carriage_return"}
  case $config_sha256 in *[!0-9A-Za-z]*) config_sha256='' ;; esac
}

# read_cell RUN_DIR CELL -> $cell_state ('' when there is none), $cell_json, and the fields that outlive an attempt.
read_cell() {
  cell_state='' cell_json='' attempt=0 recorded_sha256='' cell_cause='' cell_pid='' cell_ticks='' wrapper_pid='' wrapper_ticks=''
  cell_boot='' cell_epoch=''
  json_line "$1/state/cells/$2.json" || return 1
  cell_json=$content
  json_field "$content" state && cell_state=$field
  json_field "$content" attempt && attempt=$field
  json_field "$content" configSha256 && recorded_sha256=$field
  json_field "$content" cause && cell_cause=$field
  json_field "$content" pid && cell_pid=$field
  json_field "$content" startTicks && cell_ticks=$field
  json_field "$content" wrapperPid && wrapper_pid=$field
  json_field "$content" wrapperTicks && wrapper_ticks=$field
  json_field "$content" bootId && cell_boot=$field
  json_field "$content" epoch && cell_epoch=$field
  case $attempt in '' | *[!0-9]*) attempt=0 ;; esac
}

# cell_record STATE EXIT CAUSE STARTED ENDED: prints the object for $cell with $attempt, $pid, $payload_ticks,
# $config_sha256, $epoch, $boot_id, $wrapper_ticks and $kills; an empty value becomes null.
cell_record() {
  _cause=${3:+\"$3\"} _started=${4:+\"$4\"} _ended=${5:+\"$5\"} _hash=${config_sha256:+\"$config_sha256\"}
  printf '{"cell":"%s","state":"%s","attempt":%s,"exit":%s,"cause":%s,"startedAt":%s,"endedAt":%s' \
    "$cell" "$1" "$attempt" "${2:-null}" "${_cause:-null}" "${_started:-null}" "${_ended:-null}"
  printf ',"pid":%s,"pgid":%s,"startTicks":%s,"configSha256":%s' "${pid:-null}" "${pid:-null}" "${payload_ticks:-null}" "${_hash:-null}"
  printf ',"epoch":%s,"bootId":"%s","wrapperPid":%s,"wrapperTicks":%s,"oomKills":%s}' \
    "${epoch:-null}" "${boot_id-}" "${wrapper_pid:-null}" "${wrapper_ticks:-null}" "${kills:-null}"
}

# write_cell RUN_DIR HOW STATE EXIT CAUSE STARTED ENDED: HOW is durably or quickly. Half a record is never written.
write_cell() {
  _path=$1/state/cells/$cell.json _how=$2
  shift 2
  _record=$(cell_record "$@") && "replace_$_how" "$_path" "$_record"
}

# end_record JSON STATE CAUSE: the object of a running attempt whose wrapper is gone, given its end. Everything else stays.
end_record() {
  _cause=${3:+\"$3\"}
  printf '%s' "$1" | sed -e "s/\"state\":\"[a-z]*\"/\"state\":\"$2\"/" -e "s/\"cause\":[^,]*/\"cause\":${_cause:-null}/" -e "s/\"endedAt\":[^,]*/\"endedAt\":\"$(now)\"/"
}
