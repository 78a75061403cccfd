# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the script that sources this
# Sourced by run_queue.sh: the attempts of one cell. Reads $cell, $run_dir, $work_spec, $work_code, $epoch and the limits;
# ends the queue through its leave and give_up_on_tier.

# run_cell: attempts until the cell is complete or has failed. Only what may go away by itself is tried again, max_retries
# times without a new checkpoint; a program that is wrong, too large or was ended by somebody waits for a person.
run_cell() {
  tries=0 cancelled_cell=''
  while :; do
    tries=$((tries + 1))
    read_cell "$run_dir" "$cell" || attempt=0
    attempt=$((attempt + 1))
    replace_quickly "$run_dir/state/current" "$cell" || :
    run_attempt
    case $one_exit in 0 | 10 | 11 | 12 | 20 | 30 | 40 | 50) ;; *) settle_dead_wrapper ;; esac
    [ "$stop_requested" != 1 ] || leave 60 "stopped on request; cell $cell can be resumed"
    if [ "$cancelled_cell" = "$cell" ]; then
      rm -f "$run_dir/state/orders/$cell.json" 2>/dev/null
      return 0
    fi
    case $one_exit in
      20) leave 20 "gate: cell $cell was not started" ;;
      30) give_up_on_tier ;;
      50) leave 50 'the writer lock was lost' ;;
      10 | 11)
        if retry_counts; then
          back_off
          [ "$cancelled_cell" = "$cell" ] || continue
          cancel_between_attempts
        fi
        ;;
    esac
    return 0
  done
}

# run_attempt -> $one_exit. Watches the wrapper, the lock and the heartbeat meanwhile.
run_attempt() {
  sh "$here/run_one.sh" "$run_dir" "$work_spec" "$work_code" "$cell" "$epoch" "$attempt" </dev/null &
  one_pid=$!
  process_facts "$one_pid" || :
  one_ticks=$ticks one_stopped=0 pause=0.1 deadline=0 running_cell=$cell
  while process_lives "$one_pid" "$one_ticks"; do
    keep_heartbeat
    lock_is_ours "$run_dir" "$epoch"
    case $? in
      0) lock_unseen=0 ;;
      # No time for a last checkpoint: it would land in the folder that another machine trains in.
      1) lock_lost=1 && { kill_payload "$run_dir" || :; } ;;
      # A network file system may hide the lock for a moment; gone for good, it cannot keep another writer away.
      *) lock_unseen=$((lock_unseen + 1)) && [ "$lock_unseen" -lt 10 ] || lock_lost=1 ;;
    esac
    [ "$lock_lost" = 1 ] || attend
    if [ "$one_stopped" = 0 ] && { [ "$stop_requested" = 1 ] || [ "$lock_lost" = 1 ] || [ "$cancelled_cell" = "$cell" ]; }; then
      kill -TERM "$one_pid" 2>/dev/null
      stop_grace
      uptime_seconds
      one_stopped=1 pause=0.1 deadline=$((uptime + grace + 20))
    elif [ "$one_stopped" = 1 ]; then
      uptime_seconds
      [ "$uptime" -lt "$deadline" ] || kill -KILL "$one_pid" 2>/dev/null
    fi
    nap "$pause"
    case $pause in 0.1) pause=0.2 ;; 0.2) pause=0.5 ;; *) pause=1 ;; esac
  done
  running_cell=''
  wait "$one_pid"
  one_exit=$?
  # Cut short by a signal, it did not see the wrapper's own code yet.
  wait "$one_pid" 2>/dev/null
  _waited=$?
  [ "$_waited" = 127 ] || one_exit=$_waited
  [ "$lock_lost" = 0 ] || leave 50 "the writer lock was lost to epoch $highest"
}

# The wrapper itself died: it wrote no end, so this does, after making sure that its payload is gone.
settle_dead_wrapper() {
  say "cell $cell: its wrapper ended with $one_exit"
  end_payload "$run_dir" '' "$stop_grace_seconds" || leave 50 "process$found of cell $cell cannot be ended"
  cancel_cause
  if [ "$stop_requested" = 1 ] || [ "$cancelled_cell" = "$cell" ]; then end_state=cancelled end_cause=$cause; elif [ "$one_exit" -gt 128 ]; then end_state=failed end_cause=killed end_class=interrupted; else end_state=failed end_cause=setup end_class=setup; fi
  if read_cell "$run_dir" "$cell" && [ "$cell_state" = running ]; then
    no_verdict
    retries=$cell_retries
    note_fact "its wrapper ended with $one_exit"
    [ "$end_state" != failed ] || verdict "$end_class" probable
    write_state "cells/$cell" "$(judge_record "$(end_record "$cell_json" "$end_state" "$end_cause")")"
  fi
  if [ "$end_state" = cancelled ]; then one_exit=12; elif [ "$end_cause" = killed ]; then one_exit=11; else one_exit=10; fi
}

# retry_counts: whether the cell, which failed, is tried again by itself; the count is on the tier before it is.
retry_counts() {
  { read_cell "$run_dir" "$cell" && may_pass_by_itself "$cell_class"; } || return 1
  if [ "$cell_retries" -ge "$max_retries" ]; then
    say "cell $cell: $cell_class again; it was tried again $cell_retries times without a new checkpoint, and now waits for a retry by hand"
    return 1
  fi
  retries=$((cell_retries + 1))
  replace_durably "$run_dir/state/cells/$cell.json" "$(printf '%s' "$cell_json" | sed -e "s/\"retries\":[0-9]*/\"retries\":$retries/")" || give_up_on_tier
}

# Cancelled while nothing of it ran: its last attempt has written how it ended.
cancel_between_attempts() {
  ! read_cell "$run_dir" "$cell" || write_state "cells/$cell" "$(end_record "$cell_json" cancelled request)"
  rm -f "$run_dir/state/orders/$cell.json" 2>/dev/null
}

# Waits before the next attempt, twice as long each time, five minutes at most.
back_off() {
  wait_seconds=$retry_backoff_seconds doubled=1
  while [ "$doubled" -lt "$tries" ] && [ "$wait_seconds" -lt 300 ]; do
    wait_seconds=$((2 * wait_seconds)) doubled=$((doubled + 1))
  done
  [ "$wait_seconds" -le 300 ] || wait_seconds=300
  say "cell $cell: $cell_class; tried again in $wait_seconds s, same configuration ($retries of $max_retries by itself)"
  running_cell=$cell
  while [ "$wait_seconds" -gt 0 ] && [ "$stop_requested" != 1 ] && [ "$cancelled_cell" != "$cell" ]; do
    # In pieces, so that an order for the cell is heeded.
    if [ "$wait_seconds" -ge 2 ]; then _piece=2; else _piece=1; fi
    nap "$_piece"
    wait_seconds=$((wait_seconds - _piece))
    keep_heartbeat
    assert_writer
    attend
  done
  running_cell=''
  [ "$stop_requested" != 1 ] || leave 60 "stopped on request; cell $cell can be resumed"
}
