#!/bin/sh
# Runs the cells of a queue in order, one at a time, as the only writer of the run.
#   run_queue.sh RUN_DIR SPEC_DIR CODE_DIR [FROM_CELL]
# Exit: 0 every cell of the queue is complete, 10 some are not, 20 disk or mount gate, 30 the durable tier does not take
# what is written, 40 usage, empty or faulty queue, unknown FROM_CELL, 50 the writer lock is held or was lost, 60 stopped
# on request (TERM).
# A cell that is complete with the same configuration is not run again, so the same command resumes a run after a
# reboot. The queue file is read again between cells: cells may be appended while it runs. A hang-up of the terminal
# does not end it; TERM does, and passes on to the payload.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/measure.sh"
. "$here/lib/lock.sh"
. "$here/lib/cells.sh"
. "$here/lib/payload.sh"
. "$here/lib/attempts.sh"
. "$here/lib/prepare.sh"

open_log() {
  if ! mkdir -p "$run_dir/cells" "$run_dir/logs" "$run_dir/state/cells" "$run_dir/lock" 2>/dev/null ||
    ! { true >>"$run_dir/logs/queue.log"; } 2>/dev/null; then
    complain "$run_dir cannot be written"
    exit 30
  fi
  printf 'holdfast: output goes to %s/logs/queue.log\n' "$run_dir" 2>/dev/null || :
  # Everything from here on, the shell's own messages too, belongs into the log: nobody may be watching the terminal.
  exec >>"$run_dir/logs/queue.log" 2>&1 </dev/null
  say "queue starts: pid $$, spec $spec_dir, code $code_dir, scripts $here"
}

refuse_usage() {
  say "refused: $*"
  exit 40
}

check_request() {
  read_limits "$spec_dir" || refuse_usage "limits:$limits_fault"
  [ -d "$code_dir" ] || refuse_usage "the code directory $code_dir does not exist"
  read_queue "$spec_dir" || refuse_usage "$spec_dir/queue cannot be read"
  [ -z "$queue_faults" ] || refuse_usage "queue: $queue_faults"
  [ -n "$queue" ] || refuse_usage "$spec_dir/queue names no cell"
  case " $queue " in
    *" ${from_cell:-${queue%% *}} "*) ;;
    *) refuse_usage "the queue has no cell $from_cell to start from" ;;
  esac
  if [ -n "$mount" ] && ! is_mount_point "$mount"; then
    say "refused: $mount is not mounted, so what is written there would be lost"
    exit 20
  fi
}

become_writer() {
  take_lock "$run_dir" $((2 * heartbeat_seconds + 1))
  case $? in
    0) ;;
    1)
      say "refused: $refusal"
      exit 50
      ;;
    *)
      say "refused: $refusal"
      exit 30
      ;;
  esac
  trap 'on_stop_request' TERM INT
  trap '' HUP
  say "holds the writer lock with epoch $epoch"
  # The marker of an earlier queue says nothing about this one.
  rm -f "$run_dir/state/closed.json" "$run_dir/state/stop.json" "$run_dir/state/current" 2>/dev/null || give_up_on_tier
  sync_directory "$run_dir/state" || give_up_on_tier
  write_state queue "$(printf '{"epoch":%s,"pid":%s,"startedAt":"%s","scripts":%s,"spec":%s,"code":%s,"bootId":"%s"}' \
    "$epoch" $$ "$(now)" "$(json_string "$here")" "$(json_string "$spec_dir")" "$(json_string "$code_dir")" "$boot_id")"
  # A queue that was killed leaves its payload running. It may have been training all along, so it gets its grace.
  payload_processes "$run_dir"
  [ -z "$found" ] || say "ending what an earlier queue left running:$found"
  end_payload "$run_dir" '' "$stop_grace_seconds" || leave 50 "process$found of an earlier queue cannot be ended"
}

write_state() { replace_durably "$run_dir/state/$1.json" "$2" || give_up_on_tier; }

give_up_on_tier() { leave 30 "$run_dir does not take what is written to it"; }

# leave CODE TEXT: the way out once the lock is held.
leave() {
  say "$2"
  [ -z "${heartbeat_pid-}" ] || kill "$heartbeat_pid" 2>/dev/null
  rm -f "$run_dir/state/current" "$run_dir/state/stop.json" 2>/dev/null
  say "queue ends with exit code $1"
  # Nothing is written after this, not even to the log: whoever sees the lock released may take a manifest.
  release_lock "$run_dir"
  exit "$1"
}

keep_heartbeat() {
  ! process_lives "${heartbeat_pid-}" "${heartbeat_ticks-}" || return 0
  sh "$here/heartbeat.sh" "$run_dir" "$epoch" "$heartbeat_seconds" </dev/null &
  heartbeat_pid=$!
  process_facts "$heartbeat_pid" || :
  heartbeat_ticks=$ticks
}

# Gives every cell that never ran a state, so that readers see the whole roster. Lost in a crash, it is written again.
show_pending() {
  pid='' payload_ticks='' wrapper_pid='' wrapper_ticks='' kills='' epoch_of_queue=$epoch
  for cell in $queue; do
    [ ! -e "$run_dir/state/cells/$cell.json" ] || { read_cell "$run_dir" "$cell" && [ "$cell_state" != pending ] && continue; }
    cell_hash "$spec_dir" "$cell"
    epoch='' attempt=0 wrapper_pid='' wrapper_ticks=''
    write_cell "$run_dir" quickly pending '' '' '' '' || { epoch=$epoch_of_queue; give_up_on_tier; }
    epoch=$epoch_of_queue
  done
}

# The setup script runs once per instance for its content and the code beside it.
run_setup() {
  [ -f "$spec_dir/setup" ] || return 0
  setup_mark=$own_disk/setup-$(sha256sum <"$spec_dir/setup" | cut -c 1-12)-${code_dir##*/}.done
  [ ! -e "$setup_mark" ] || return 0
  say 'setup starts'
  setup_scratch=$own_disk/scratch/${run_dir##*/}/setup
  payload_exit=1
  if check_sources "$spec_dir/env" "$spec_dir/setup" "$secrets_file" && mkdir -p "$setup_scratch" &&
    start_payload "$run_dir/logs/setup.log" "$spec_dir/setup" '' 1 "$setup_scratch" "$setup_scratch"; then
    wait_payload || payload_exit=1
    payload_pid=''
  fi
  [ "$stop_requested" != 1 ] || leave 60 'stopped on request during setup'
  if [ "$payload_exit" = 0 ]; then
    true >"$setup_mark"
    say 'setup is done'
    return 0
  fi
  say "setup failed with exit $payload_exit; see $run_dir/logs/setup.log"
  pid='' payload_ticks='' wrapper_pid='' wrapper_ticks='' kills=''
  for cell in $queue; do
    read_cell "$run_dir" "$cell" && [ "$cell_state" = complete ] && continue
    cell_hash "$spec_dir" "$cell"
    [ "$attempt" = 0 ] || config_sha256=$recorded_sha256
    write_cell "$run_dir" durably failed "$payload_exit" setup '' "$(now)" || give_up_on_tier
  done
  close_queue
}

# next_cell -> $cell: the first of the queue, as the file stands now, that this queue has not dealt with. Fails when there is none.
next_cell() {
  known=$queue known_faults=$queue_faults
  if ! read_queue "$spec_dir"; then
    say "$spec_dir/queue cannot be read any more; going on with the cells already known"
    queue=$known
  fi
  [ -z "$queue_faults" ] || [ "$queue_faults" = "$known_faults" ] || say "appended to the queue and refused: $queue_faults"
  [ "$queue" = "$known" ] || show_pending
  seen_from=$from_cell
  for cell in $queue; do
    [ "$cell" != "$seen_from" ] || seen_from=''
    [ -z "$seen_from" ] || continue
    case " $dealt_with " in *" $cell "*) ;; *) return 0 ;; esac
  done
  return 1
}

# Whether $cell still has to run. Changing what a started cell is would mix two configurations in one folder.
needs_run() {
  cell_hash "$spec_dir" "$cell"
  read_cell "$run_dir" "$cell" || { [ -z "$cell_state" ] && attempt=0; }
  if [ "$attempt" != 0 ] && [ -n "$recorded_sha256" ] && [ "$recorded_sha256" != null ] && [ "$recorded_sha256" != "$config_sha256" ]; then
    if [ "$cell_state" = complete ] || ! is_empty_output; then
      say "cell $cell: not run, its configuration was changed after it had started; give the changed cell a new name"
      return 1
    fi
  fi
  [ "$cell_state" = complete ] || return 0
  say "cell $cell is complete already"
  return 1
}

is_empty_output() { [ -z "$(find "$run_dir/cells/$cell" -type f 2>/dev/null | head -n 1)" ]; }

# Writes the closing marker from the state files and leaves.
close_queue() {
  complete='' failed='' never_ran=''
  for cell in $queue; do
    read_cell "$run_dir" "$cell" || cell_state=''
    cell_hash "$spec_dir" "$cell"
    case $cell_state in
      complete) if [ "$recorded_sha256" = "$config_sha256" ]; then complete="$complete,\"$cell\""; else failed="$failed,\"$cell\""; fi ;;
      failed | cancelled) failed="$failed,\"$cell\"" ;;
      *) never_ran="$never_ran $cell" ;;
    esac
  done
  [ -z "$never_ran" ] || leave 10 "not closed, these cells never ran:$never_ran"
  [ -z "$queue_faults" ] || leave 40 "not closed, the queue has lines that name no cell: $queue_faults"
  write_state closed "$(printf '{"at":"%s","epoch":%s,"complete":[%s],"failed":[%s]}' "$(now)" "$epoch" "${complete#,}" "${failed#,}")"
  [ -z "$failed" ] || leave 10 "closed; not complete: ${failed#,}"
  leave 0 'closed; every cell is complete'
}

[ $# -eq 3 ] || [ $# -eq 4 ] || usage_error 'usage: run_queue.sh RUN_DIR SPEC_DIR CODE_DIR [FROM_CELL]'
case $1$2$3 in *"$newline"*) usage_error 'the directories may not contain a newline' ;; esac
case $1 in /*) ;; *) usage_error "RUN_DIR must be absolute, not \"$1\"" ;; esac
run_dir=${1%/} code_dir=${3%/} from_cell=${4-} stop_requested='' lock_lost=0 lock_unseen=0 dealt_with=''
spec_dir=$(CDPATH='' cd -- "$2" 2>/dev/null && pwd -P) || usage_error "the spec directory $2 does not exist"
open_log
run_dir=$(CDPATH='' cd -- "$run_dir" && pwd -P) || exit 30
name_the_run
check_request
become_writer
keep_heartbeat
show_pending
run_setup
while next_cell; do
  dealt_with="$dealt_with $cell"
  [ "$stop_requested" != 1 ] || leave 60 'stopped on request'
  ! needs_run || ! ensure_inputs || run_cell
done
close_queue
