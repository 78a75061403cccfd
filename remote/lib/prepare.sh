# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the script that sources this
# Sourced by run_queue.sh: what must be there before a cell starts. Reads $cell, $queue, $run_dir, $work_spec, $work_code, $spec_dir, $epoch.

# run_setup: the packages of the lock file, once per instance for their content; then the script, once per instance for its
# content and the code beside it. Bounded. Fails when it failed, the cells that need it are failed by that cause; and when the run
# was edited or the cell cancelled meanwhile.
run_setup() {
  setup_ran=''
  setup_log=$run_dir/logs/setup.log kept=''
  # Earlier instances wrote to the same log.
  setup_from=$( (wc -l <"$setup_log") 2>/dev/null) || setup_from=0
  uptime_seconds
  setup_until=$((uptime + setup_max_seconds))
  install_lock || { setup_failed lock && return 1; }
  run_setup_script || { setup_failed script && return 1; }
  [ -z "$setup_ran" ] || setup_state 'done' '' || give_up_on_tier
  # Setup takes minutes, and nothing is taken up meanwhile: the cell may be another by now, or nobody's.
  chosen_from=$spec_dir
  [ -z "$setup_ran" ] || attend
  still_wanted
}

install_lock() {
  [ -r "$work_spec/lock" ] || return 0
  while IFS= read -r _line || [ -n "$_line" ]; do
    case ${_line%%=*} in path) _lock=${_line#*=} ;; target) _target=${_line#*=} ;; python) _python=${_line#*=} ;; esac
  done <"$work_spec/lock"
  [ ! -d "$_target" ] || return 0
  setup_ran=yes
  mkdir -p "${_target%/*}" "$own_disk/scratch/${run_dir##*/}/setup" || return 1
  # The payload's shell takes a script without arguments.
  _install=$own_disk/scratch/${run_dir##*/}/setup/install
  printf 'exec %s -IB %s %s %s\n' "$(shell_word "$_python")" "$(shell_word "$here/lib/install_lock.py")" "$(shell_word "$work_code/$_lock")" "$(shell_word "$_target")" >"$_install" || return 1
  say "setup: installing $_lock"
  run_in_setup "$_install" || return 1
  kept=$(this_setup | sed -n 's/^kept from the image: //p' | tr '\n' ';' | sed 's/;$//')
  [ -z "$kept" ] || say "setup: kept from the image: $kept"
}

run_setup_script() {
  [ -f "$work_spec/setup" ] || return 0
  setup_mark=$own_disk/setup-$(sha256sum <"$work_spec/setup" | cut -c 1-12)-${work_code##*/}.done
  [ ! -e "$setup_mark" ] || return 0
  setup_ran=yes
  say 'setup starts'
  check_sources "$work_spec/setup" && run_in_setup "$work_spec/setup" && true >"$setup_mark" && say 'setup is done'
}

# run_in_setup SCRIPT: as a payload without a cell. Its exit code stands in $payload_exit.
run_in_setup() {
  _scratch=$own_disk/scratch/${run_dir##*/}/setup
  payload_exit=1
  setup_state running '' || give_up_on_tier
  if check_sources "$work_spec/env" "$secrets_file" && mkdir -p "$_scratch" && start_in_work "$1" "$_scratch"; then
    await_setup
    wait_payload || payload_exit=1
    payload_pid=''
  fi
  assert_writer
  [ "$stop_requested" != 1 ] || leave 60 'stopped on request during setup'
  [ "$payload_exit" = 0 ]
}

# With the environment and in the code that the cell will have.
start_in_work() {
  _spec=$spec_dir _code=$code_dir spec_dir=$work_spec code_dir=$work_code
  start_payload "$setup_log" "$1" '' 1 "$2" "$2"
  _started=$?
  spec_dir=$_spec code_dir=$_code
  return "$_started"
}

# Until it has ended by itself, a stop is requested, or its time is over: then it is ended.
await_setup() {
  _pause=0.1
  while [ "$stop_requested" != 1 ] && process_lives "$payload_pid" "$payload_ticks"; do
    keep_heartbeat
    lock_is_ours "$run_dir" "$epoch"
    if [ $? = 1 ]; then
      lock_lost=1
      kill_payload "$run_dir"
      return 0
    fi
    uptime_seconds
    if [ "$uptime" -ge "$setup_until" ]; then
      say "setup is ended: it took more than $setup_max_seconds s"
      printf 'ended by Holdfast: setup took more than %s s (setup.maxMinutes)\n' "$setup_max_seconds" >>"$setup_log" || :
      end_payload "$run_dir" "$payload_pid" 10
      return 0
    fi
    nap "$_pause"
    case $_pause in 0.1) _pause=0.2 ;; 0.2) _pause=0.5 ;; *) _pause=1 ;; esac
  done
}

# setup_failed STEP: names the line of the log that says why: the last one that speaks of an error, else the last one.
setup_failed() {
  _line=$(this_setup | grep -nEi 'error|not found|no such|cannot|denied|failed|ended by' | tail -n 1)
  [ -n "$_line" ] || _line=$(this_setup | grep -n . | tail -n 1)
  _number=${_line%%:*}
  [ -z "$_number" ] || _number=$((_number + setup_from))
  _text=$(printf '%s' "${_line#*:}" | cut -c 1-300)
  _said="setup failed in its $1 with exit $payload_exit; $run_dir/logs/setup.log${_number:+ line $_number}: $_text"
  say "$_said"
  setup_state failed "logs/setup.log${_number:+ line $_number}: $_text" || give_up_on_tier
  # Setup of a cell that began earlier says nothing about the others.
  if [ "$work_spec" != "$spec_dir" ]; then _without=$cell; else _without=$queue; fi
  (fail_without_setup "$_without") || give_up_on_tier
  dealt_with="$dealt_with $_without"
}

# For a subshell: it sets what it likes.
fail_without_setup() {
  no_verdict
  note_fact "$_said"
  verdict setup measured
  retries=0 pid='' payload_ticks='' wrapper_ticks='' kills='' own_spec='' own_code='' queue_epoch=$epoch
  for cell in $1; do
    read_cell "$run_dir" "$cell" || :
    # What ended by itself, or was cancelled, was not waiting for this.
    case $cell_state/$cell_cause in
      '/' | pending/* | running/* | failed/gate | failed/sync | failed/setup | failed/inputs) ;;
      *) continue ;;
    esac
    if [ "$attempt" != 0 ]; then
      replace_durably "$run_dir/state/cells/$cell.json" "$(judge_record "$(end_record "$cell_json" failed setup "$payload_exit")")" || return 1
      continue
    fi
    cell_hash "$spec_dir" "$cell"
    epoch=$queue_epoch wrapper_pid=''
    write_cell "$run_dir" durably failed "$payload_exit" setup '' "$(now)" || return 1
  done
}

this_setup() { tail -n +$((setup_from + 1)) "$setup_log" 2>/dev/null; }

# setup_state STATE WHY
setup_state() {
  replace_durably "$run_dir/state/setup.json" "$(
    printf '{"state":"%s","why":%s,"kept":%s,"at":"%s"}' "$1" "$([ -n "$2" ] && json_string "$2" || printf null)" "$([ -n "$kept" ] && json_string "$kept" || printf null)" "$(now)"
  )"
}

# shell_word TEXT: quoted for a shell.
shell_word() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# ensure_inputs: brings what $cell reads and is not here yet, once per queue. When one cannot be had the cell is failed
# with the cause `inputs`, and so is at once every later cell that reads it: the machine bills for each try.
ensure_inputs() {
  [ "${inputs_of-}" = "$work_spec" ] || inputs_of=$work_spec inputs_here='' inputs_missing=''
  [ -r "$work_spec/cells/$cell/inputs" ] || return 0
  chosen_from=$spec_dir
  while IFS= read -r _name || [ -n "$_name" ]; do
    case " $inputs_here " in *" $_name "*) continue ;; esac
    case " $inputs_missing " in
      *" $_name "*) ;;
      *)
        fetch_input "$_name" && inputs_here="$inputs_here $_name"
        still_wanted || return 1
        [ "$_fetched" = 0 ] && continue
        inputs_missing="$inputs_missing $_name"
        ;;
    esac
    say "cell $cell: not started, its input $_name is not here"
    cell_hash "$work_spec" "$cell"
    read_cell "$run_dir" "$cell" || attempt=0
    pid='' payload_ticks='' wrapper_pid='' wrapper_ticks='' kills=''
    no_verdict
    retries=0
    note_fact "its input $_name is not here: state/inputs/$_name.json and logs/queue.log say why"
    verdict inputs measured
    write_cell "$run_dir" durably failed '' inputs '' "$(now)" || give_up_on_tier
    return 1
  done <"$work_spec/cells/$cell/inputs"
}

# While setup ran or inputs were brought the run may have been edited, or the cell cancelled: then it is looked at anew.
still_wanted() {
  if [ "$spec_dir" != "$chosen_from" ]; then
    forget_dealt_with "$cell"
    return 1
  fi
  ! json_line "$run_dir/state/cells/$cell.json" || ! json_field "$content" state || [ "$field" != cancelled ] || ! json_field "$content" cause || [ "$field" != request ]
}

# fetch_input NAME: 0 when it is here. Watches stop requests, the lock and the heartbeat meanwhile. It carries the mark of
# the job's processes: what a killed queue leaves of it is ended by the next one, and counts as a writer until then.
fetch_input() {
  HOLDFAST_PAYLOAD_OF="$run_dir/" sh "$here/fetch_inputs.sh" "$run_dir" "$work_spec" "$1" </dev/null &
  _fetch=$!
  process_facts "$_fetch" || :
  _fetch_ticks=$ticks
  while process_lives "$_fetch" "$_fetch_ticks"; do
    keep_heartbeat
    lock_is_ours "$run_dir" "$epoch"
    [ $? != 1 ] || lock_lost=1
    [ "$lock_lost" = 1 ] || attend
    if [ "$stop_requested$lock_lost" != 0 ] || ! still_wanted; then kill -TERM "$_fetch" 2>/dev/null; fi
    nap 0.5
  done
  wait "$_fetch"
  _fetched=$?
  [ "$lock_lost" = 0 ] || leave 50 "the writer lock was lost to epoch $highest"
  [ "$stop_requested" != 1 ] || leave 60 'stopped on request while inputs were brought'
  [ "$_fetched" = 0 ]
}
