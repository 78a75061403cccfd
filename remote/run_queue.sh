#!/bin/sh
# Runs the cells of a queue in order, one at a time, as the only writer of the run.
#   run_queue.sh RUN_DIR SPEC_DIR CODE_DIR [FROM_CELL]
# Exit: 0 every cell of the queue is complete, 10 some are not, 20 disk or mount gate, 30 the durable tier does not take
# what is written, 40 usage, empty or faulty queue, unknown FROM_CELL, 50 the writer lock is held or was lost, 60 stopped
# on request (TERM).
# A cell that is complete with the same configuration is not run again, so the same command resumes a run after a
# reboot. The queue file is read again between cells; an edit of the run names another spec and code (lib/next.sh), orders of a
# person name cells (lib/orders.sh). A hang-up of the terminal does not end it; TERM does, and passes on to the payload.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/measure.sh"
. "$here/lib/lock.sh"
. "$here/lib/cells.sh"
. "$here/lib/payload.sh"
. "$here/lib/work.sh"
. "$here/lib/next.sh"
. "$here/lib/orders.sh"
. "$here/lib/attempts.sh"
. "$here/lib/prepare.sh"
. "$here/lib/evidence.sh"

open_log() {
  if ! mkdir -p "$run_dir/cells" "$run_dir/logs" "$run_dir/state/cells" "$run_dir/state/orders" "$run_dir/lock" 2>/dev/null ||
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
  ! highest_epoch "$run_dir" || owner_before=$owner
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
  # The marker of an earlier queue says nothing about this one, and an edit that waited for it was made for it.
  for _old in closed.json ended.json stop.json current next.json taken.json refused.json; do rm -f "$run_dir/state/$_old" 2>/dev/null || give_up_on_tier; done
  sync_directory "$run_dir/state" || give_up_on_tier
  queue_started=$(now)
  write_queue_file || give_up_on_tier
  # A queue that was killed leaves its payload running. It may have been training all along, so it gets its grace.
  payload_processes "$run_dir"
  [ -z "$found" ] || say "ending what an earlier queue left running:$found"
  end_payload "$run_dir" '' "$stop_grace_seconds" || leave 50 "process$found of an earlier queue cannot be ended"
  (settle_left_behind) || give_up_on_tier
}

# What an earlier queue or machine left as running waits again, with the reason why it ended; one that was cut off again and
# again without a new checkpoint waits for a person. For a subshell: it sets what it likes.
settle_left_behind() {
  for _file in "$run_dir"/state/cells/*.json; do
    cell=${_file##*/}
    cell=${cell%.json}
    { valid_cell_name "$cell" && glance_at_cell "$run_dir" "$cell" && [ "$cell_state" = running ] && read_cell "$run_dir" "$cell"; } || continue
    judge_left_behind
    retries=$cell_retries _left=pending _cause=''
    if made_progress; then
      retries=0
    elif [ "$class" != interrupted ]; then
      if [ "$retries" -ge "$max_retries" ]; then _left=failed _cause=killed; else retries=$((retries + 1)); fi
    fi
    say "cell $cell was cut off: $class; it is $_left"
    replace_durably "$_file" "$(judge_record "$(end_record "$cell_json" "$_left" "$_cause")")" || return 1
  done
}

write_queue_file() {
  replace_durably "$run_dir/state/queue.json" "$(printf '{"epoch":%s,"pid":%s,"startedAt":"%s","scripts":%s,"spec":%s,"code":%s,"bootId":"%s"}' \
    "$epoch" $$ "$queue_started" "$(json_string "$here")" "$(json_string "$spec_dir")" "$(json_string "$code_dir")" "$boot_id")"
}

write_state() { replace_durably "$run_dir/state/$1.json" "$2" || give_up_on_tier; }

give_up_on_tier() { leave 30 "$run_dir does not take what is written to it"; }

# leave CODE TEXT: the way out once the lock is held.
leave() {
  say "$2"
  [ -z "${heartbeat_pid-}" ] || kill "$heartbeat_pid" 2>/dev/null
  # With the lock lost these are another queue's.
  [ "$lock_lost" = 1 ] || rm -f "$run_dir/state/current" "$run_dir/state/stop.json" 2>/dev/null
  say "queue ends with exit code $1"
  # Nothing is written after this, not even to the log: whoever sees the lock released may take a manifest.
  release_lock "$run_dir"
  exit "$1"
}

# Where nothing of the job runs that would have to be ended first. A machine that slept wakes anywhere, and the run may have moved on.
assert_writer() {
  lock_is_ours "$run_dir" "$epoch"
  [ $? != 1 ] || lock_lost=1
  [ "$lock_lost" = 0 ] || leave 50 "the writer lock was lost to epoch $highest"
}

keep_heartbeat() {
  ! process_lives "${heartbeat_pid-}" "${heartbeat_ticks-}" || return 0
  sh "$here/heartbeat.sh" "$run_dir" "$epoch" "$heartbeat_seconds" </dev/null &
  heartbeat_pid=$!
  process_facts "$heartbeat_pid" || :
  heartbeat_ticks=$ticks
}

# What came from outside since the last look: an edit of the run, orders for single cells.
attend() {
  take_up_next
  heed_orders
}

# next_cell -> $cell: the first of the queue, as the file stands now, that this queue has not dealt with. Fails when there is none.
next_cell() {
  assert_writer
  attend
  known=$queue known_faults=$queue_faults
  if ! read_queue "$spec_dir"; then
    say "$spec_dir/queue cannot be read any more; going on with the cells already known"
    queue=$known
  fi
  [ -z "$queue_faults" ] || [ "$queue_faults" = "$known_faults" ] || say "appended to the queue and refused: $queue_faults"
  [ "$queue" = "$known" ] || (show_roster) || give_up_on_tier
  seen_from=$from_cell not_yet=$queue
  # In order, as nearly always: those dealt with are the beginning of the queue, and need no look each.
  [ -n "$from_cell" ] || case "$queue " in "${dealt_with# } "*) not_yet=${queue#"${dealt_with# }"} ;; esac
  for cell in $not_yet; do
    [ "$cell" != "$seen_from" ] || seen_from=''
    [ -z "$seen_from" ] || continue
    case " $dealt_with " in *" $cell "*) ;; *) return 0 ;; esac
  done
  return 1
}

# Whether $cell still has to run. Changing what a cell that has begun is would mix two configurations in one folder.
needs_run() {
  cell_hash "$spec_dir" "$cell"
  read_cell "$run_dir" "$cell" || :
  if ! is_same_cell && has_begun "$run_dir"; then
    say "cell $cell: not run, its configuration was changed after it had started; give the changed cell a new name"
    return 1
  fi
  case $cell_state/$cell_cause in
    complete/*) say "cell $cell is complete already" ;;
    cancelled/request) say "cell $cell was cancelled on request; it waits for a retry" ;;
    failed/*)
      # What never trained is tried again by every queue: its obstacle was not the training.
      case $cell_cause in gate | sync | setup | inputs) return 0 ;; esac
      if may_pass_by_itself "$cell_class" && [ "$cell_retries" -lt "$max_retries" ]; then return 0; fi
      say "cell $cell failed before (${cell_class:-$cell_cause}); it waits for a retry"
      ;;
    pending/edit) say "cell $cell waits for an edit of its configuration" ;;
    *) return 0 ;;
  esac
  return 1
}

# What $cell began with is nowhere any more: it is not run with something else instead.
give_up_work() {
  say "cell $cell: not run, the code that it began with ($recorded_code) is neither here nor kept on the tier; a fresh start takes today's"
  no_verdict
  retries=0
  note_fact "the code that it began with ($recorded_code) is neither here nor kept on the tier"
  verdict setup measured
  write_state "cells/$cell" "$(judge_record "$(end_record "$cell_json" failed setup)")"
}

# Writes the closing marker from the state files and leaves; returns when something came meanwhile that is to be run.
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
  assert_writer
  if [ -z "$never_ran" ] && [ -z "$queue_faults" ]; then
    write_state closed "$(printf '{"at":"%s","epoch":%s,"complete":[%s],"failed":[%s]}' "$(now)" "$epoch" "${complete#,}" "${failed#,}")"
  fi
  # Whoever brings an edit or an order and then sees a live queue without this marker may rely on being noticed.
  if next_cell; then
    rm -f "$run_dir/state/closed.json" 2>/dev/null || give_up_on_tier
    return 0
  fi
  [ -z "$never_ran" ] || leave 10 "not closed, these cells never ran:$never_ran"
  [ -z "$queue_faults" ] || leave 40 "not closed, the queue has lines that name no cell: $queue_faults"
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
(show_roster) || give_up_on_tier
while :; do
  while next_cell; do
    dealt_with="$dealt_with $cell"
    [ "$stop_requested" != 1 ] || leave 60 'stopped on request'
    needs_run || continue
    choose_work
    case $? in 0) ;; 30) give_up_on_tier ;; *) give_up_work && continue ;; esac
    ! run_setup || ! ensure_inputs || run_cell
  done
  close_queue
done
