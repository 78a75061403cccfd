# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the script that sources this
# Sourced by run_queue.sh: what must be there before a cell starts. Reads $cell, $run_dir, $work_spec, $spec_dir, $epoch.

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
    write_cell "$run_dir" durably failed '' inputs '' "$(now)" || give_up_on_tier
    return 1
  done <"$work_spec/cells/$cell/inputs"
}

# While inputs were brought the run may have been edited, or the cell cancelled: then it is looked at anew.
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
