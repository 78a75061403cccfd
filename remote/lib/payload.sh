# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced: starting one of the job's own programs (a cell's command, the setup) and waiting for its end.
# Needs files.sh, processes.sh, measure.sh. Reads $run_dir, $spec_dir, $code_dir, $stop_grace_seconds.

# Runs in the payload's own shell. Everything comes in as positional parameters, because the sourced files may set any
# variable; HOLDFAST_* is set after them, so that no environment file can point a cell at another cell's folder.
# shellcheck disable=SC2016  # expanded by that shell
payload_program='
case $1 in =*) export LC_ALL="${1#=}" ;; *) unset LC_ALL ;; esac
unset HOLDFAST_OUTER_LOCALE
[ ! -f "$4/proxy" ] || . "$4/proxy" >/dev/null 2>&1
[ ! -f "$4/env" ] || . "$4/env"
[ -z "$7" ] || [ ! -f "$4/cells/$7/env" ] || . "$4/cells/$7/env"
[ ! -f "$5" ] || . "$5" 2>/dev/null
[ -z "$7" ] || [ ! -f "$4/cells/$7/inputs" ] || while IFS= read -r name; do . "$4/inputs/$name.env"; done <"$4/cells/$7/inputs"
[ ! -f "$4/packages.env" ] || . "$4/packages.env"
export HOLDFAST_RUN="$6" HOLDFAST_CELL="$7" HOLDFAST_ATTEMPT="$8" HOLDFAST_CPUS="${13}"
export HOLDFAST_OUTPUT_DIR="$9" HOLDFAST_CHECKPOINT_DIR="${10}" HOLDFAST_CHECKPOINT_EVERY_SECONDS="${11}" HOLDFAST_SCRATCH_DIR="${12}"
export HOLDFAST_TENSORBOARD_DIR="$9/tensorboard"
export PYTHONUNBUFFERED="${PYTHONUNBUFFERED-1}" OMP_NUM_THREADS="${OMP_NUM_THREADS-${13}}" MKL_NUM_THREADS="${MKL_NUM_THREADS-${OMP_NUM_THREADS-${13}}}"
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS-${OMP_NUM_THREADS-${13}}}" NUMEXPR_MAX_THREADS="${NUMEXPR_MAX_THREADS-${OMP_NUM_THREADS-${13}}}"
export TORCHINDUCTOR_CACHE_DIR="${TORCHINDUCTOR_CACHE_DIR-${15}/torchinductor}" TRITON_CACHE_DIR="${TRITON_CACHE_DIR-${15}/triton}"
cd -- "$3" || exit
exec "$2" "${14}"
'

# The run is the last three parts of its directory; the secrets file is named for the last one, beside the spec folder.
name_the_run() {
  _parent=${run_dir%/*}
  _above=${_parent%/*}
  run_name=${_above##*/}/${_parent##*/}/${run_dir##*/}
  own_disk=${spec_dir%/*}
  secrets_file=$own_disk/secrets/${run_dir##*/}
}

# check_sources FILE...: refuses shell files that were stored with CRLF line ends, or that a shell cannot parse.
# Prints why. What the shell says of a syntax error is not shown: it would quote the line, which may be a secret.
check_sources() {
  for _source in "$@"; do
    [ -e "$_source" ] || continue
    { IFS= read -r _line || :; } 2>/dev/null <"$_source" || { say "refused: $_source cannot be read"; return 1; }
    case $_line in
      *"$carriage_return")
        say "refused: $_source has CRLF line ends; store it with LF"
        return 1
        ;;
    esac
    sh -n "$_source" </dev/null >/dev/null 2>&1 || { say "refused: $_source is not valid shell syntax"; return 1; }
  done
}

# check_secrets: every name in secrets-names must have a value. Names are printed, values never.
check_secrets() {
  [ -r "$spec_dir/secrets-names" ] || return 0
  (
    # shellcheck source=/dev/null
    [ ! -f "$secrets_file" ] || . "$secrets_file" 2>/dev/null
    missing=''
    while IFS= read -r name || [ -n "$name" ]; do
      name=${name%"$carriage_return"}
      case $name in '' | [0-9]* | *[!A-Za-z0-9_]*) continue ;; esac
      eval "[ -n \"\${$name-}\" ]" || missing="$missing $name"
    done <"$spec_dir/secrets-names"
    [ -z "$missing" ] || { say "refused: no value for the secrets:$missing"; exit 1; }
  )
}

# link_tensorboard CELL OUTPUT_DIR: a platform whose panel reads one folder only shows the cell's curves by a link from there.
# The curves themselves stay with the artifacts. A panel that cannot be served is no reason not to train.
link_tensorboard() {
  [ -n "$1" ] && read_line "$spec_dir/tensorboard" || return 0
  if ! mkdir -p "$content" 2>/dev/null || ! ln -sfn "$2/tensorboard" "$content/${run_dir##*/}-$1" 2>/dev/null; then
    say "cell $1: the panel's folder $content cannot be written"
  fi
}

# start_payload LOG SCRIPT CELL ATTEMPT OUTPUT_DIR SCRATCH_DIR -> $payload_pid (which is also its group and session)
# and $payload_ticks. Its stdin is empty, its output goes to LOG only. Fails when LOG cannot be written.
start_payload() {
  { true >>"$1"; } 2>/dev/null || return 1
  link_tensorboard "$3" "$5"
  _shell=$(command -v sh)
  # Without job control a background child is no group leader, so setsid runs in place and $! is the payload itself.
  HOLDFAST_PAYLOAD_OF="$run_dir/" setsid "$_shell" -c "$payload_program" payload \
    "$HOLDFAST_OUTER_LOCALE" "$_shell" "$code_dir" "$spec_dir" "$secrets_file" "$run_name" \
    "$3" "$4" "$5" "$5/checkpoints" "$checkpoint_every_seconds" "$6" "$(processors)" "$2" "$own_disk/cache" \
    </dev/null >>"$1" 2>&1 &
  payload_pid=$!
  process_facts "$payload_pid" || :
  payload_ticks=$ticks
}

# on_stop_request: for the TERM trap. The first passes TERM to the whole group; the rest is wait_payload's work.
on_stop_request() {
  stop_requested=1
  # In its first instant it has no group of its own yet.
  [ -z "${payload_pid-}" ] || kill -TERM "-$payload_pid" 2>/dev/null || kill -TERM "$payload_pid" 2>/dev/null || :
}

# Seconds that a stopped payload has for its last checkpoint: as asked by stop.sh or an order for its cell, or by the limits.
stop_grace() {
  grace=$stop_grace_seconds
  for _asked in "$run_dir/state/stop.json" "$run_dir/state/orders/${cell-}.json"; do
    if read_line "$_asked" && json_field "$content" graceSeconds; then
      case $field in '' | *[!0-9]*) ;; *) grace=$field && return ;; esac
    fi
  done
}

# wait_payload -> $payload_exit: the payload's own exit code, or 128 + signal. Ends what it left behind: a worker that
# outlives its leader would go on writing beside the next attempt. Fails when something cannot be ended.
wait_payload() {
  payload_exit=127
  until [ "${stop_requested-}" = 1 ]; do
    # A signal cuts the wait short; only a payload that has gone ends it.
    wait "$payload_pid"
    payload_exit=$?
    process_lives "$payload_pid" "$payload_ticks" || break
  done
  stop_grace
  if [ "${stop_requested-}" = 1 ]; then
    await_payload_end "$run_dir" "$payload_pid" "$grace" || say "not ended after $grace s; killing it"
  fi
  ended=0
  [ "${stop_requested-}" != 1 ] || grace=0
  end_payload "$run_dir" "$payload_pid" "$grace" || ended=1
  # What the loop saw may be the trapped signal's code; then the shell still has the payload's own, and 127 otherwise.
  wait "$payload_pid" 2>/dev/null
  _waited=$?
  [ "$_waited" = 127 ] || payload_exit=$_waited
  return "$ended"
}
