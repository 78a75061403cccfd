#!/bin/sh
# One attempt of one cell: checks, the payload in its own process group, and the state file that says how it ended.
#   run_one.sh RUN_DIR SPEC_DIR CODE_DIR CELL EPOCH ATTEMPT
# Exit: 0 complete, 10 the payload failed (its own exit code and the cause stand in the state file), 11 the payload
# was killed by a signal, 12 stopped on request, 20 disk or mount gate, 30 the durable tier does not take what is
# written, 40 usage, 50 another queue holds the run.
# Only this script says that a cell is complete; nothing that the payload prints or writes is read.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/measure.sh"
. "$here/lib/lock.sh"
. "$here/lib/cells.sh"
. "$here/lib/payload.sh"
. "$here/lib/orders.sh"
. "$here/lib/work.sh"
. "$here/lib/evidence.sh"

[ $# -eq 6 ] || usage_error 'usage: run_one.sh RUN_DIR SPEC_DIR CODE_DIR CELL EPOCH ATTEMPT'
run_dir=$1 spec_dir=$2 code_dir=$3 cell=$4 epoch=$5 attempt=$6
valid_cell_name "$cell" || usage_error "\"$cell\" is not a cell name"
read_limits "$spec_dir" || usage_error "limits:$limits_fault"
name_the_run
this_machine
process_facts $$
wrapper_pid=$$ wrapper_ticks=$ticks pid='' payload_pid='' payload_ticks='' kills='' started='' stop_requested=''
output_dir=$run_dir/cells/$cell
log=$run_dir/logs/$cell.log

# finish STATE EXIT CAUSE CODE: writes the state and ends. A queue that lost its lock writes nothing more.
finish() {
  lock_is_ours "$run_dir" "$epoch"
  if [ $? = 1 ]; then
    say "cell $cell: epoch $epoch has been replaced by $highest; its state is left to the new queue"
    exit 50
  fi
  write_cell "$run_dir" durably "$1" "$2" "$3" "$started" "$(now)" || {
    say "cell $cell: its state \"$1\" could not be written"
    exit 30
  }
  say "cell $cell attempt $attempt: $1${3:+ ($3)}${2:+, exit $2}${class:+; $class ($certainty)}"
  exit "$4"
}

# refuse_setup [WHY]: without one, it was said already.
refuse_setup() {
  no_verdict
  if [ -n "${1-}" ]; then
    say "cell $cell: $1"
    note_fact "$1"
  else
    note_fact 'see logs/queue.log'
  fi
  verdict setup measured
  finish failed '' setup 10
}

# gate CLASS WHY: nothing was started.
gate() {
  no_verdict
  say "cell $cell: $2"
  note_fact "$2"
  verdict "$1" measured
  finish failed '' gate 20
}

# refuse_tier WHY: what was written may not be there.
refuse_tier() {
  no_verdict
  say "cell $cell: $1"
  note_fact "$1"
  look_at_disks
  [ -n "$class" ] || verdict tier measured
  finish failed "${2-}" sync 30
}

check_gate() {
  if [ -n "$mount" ] && ! is_mount_point "$mount"; then
    gate tier "$mount is not mounted, so what is written there would be lost"
  fi
  measure_disk "$run_dir" || gate tier "the free space of $run_dir cannot be read"
  ! is_below "$bytes_free" "$bytes_floor" || gate diskFull "$bytes_free bytes are free, the floor is $bytes_floor"
  ! is_below "$inodes_free" "$inodes_floor" || gate inodesFull "$inodes_free inodes are free, the floor is $inodes_floor"
}

check_cell() {
  [ -f "$spec_dir/cells/$cell/command" ] || refuse_setup "$spec_dir/cells/$cell/command does not exist"
  [ -n "$config_sha256" ] || refuse_setup "$spec_dir/cells/$cell/sha256 does not hold a hash"
  [ -d "$code_dir" ] || refuse_setup "$code_dir does not exist"
  check_sources "$spec_dir/env" "$spec_dir/cells/$cell/env" "$spec_dir/cells/$cell/command" "$secrets_file" || refuse_setup
  check_secrets || refuse_setup
}

# Artifacts of a complete cell must have reached the tier: a full or failing disk may only tell when it is flushed.
flush_output() { sync_files_below "$output_dir" "$log" 2>/dev/null && sync_directory "$output_dir"; }

trap 'on_stop_request' TERM INT
# Why the attempt before failed stands in the state while this one runs.
recall_verdict
cell_hash "$spec_dir" "$cell"
name_work "$spec_dir" "$code_dir"
lock_is_ours "$run_dir" "$epoch" || { say "cell $cell: epoch $epoch does not hold the writer lock"; exit 50; }
check_gate
check_cell
scratch_dir=$own_disk/scratch/${run_dir##*/}/$cell
mkdir -p "$output_dir/checkpoints" "$run_dir/logs" "$scratch_dir" 2>/dev/null || {
  refuse_tier 'its folders cannot be created'
}
started=$(now)
write_cell "$run_dir" durably running '' '' "$started" '' || exit 30
if [ "$stop_requested" = 1 ]; then
  cancel_cause
  no_verdict
  finish cancelled '' "$cause" 12
fi

remember_machine "$log"
say "cell $cell attempt $attempt starts (epoch $epoch)"
{ printf -- '--- cell %s, attempt %s, epoch %s, %s\n' "$cell" "$attempt" "$epoch" "$started" >>"$log"; } 2>/dev/null
start_payload "$log" "$spec_dir/cells/$cell/command" "$cell" "$attempt" "$output_dir" "$scratch_dir" || {
  refuse_tier "$log cannot be written"
}
pid=$payload_pid
# Without the pid in its state nobody could end this payload after a crash of the wrapper.
write_cell "$run_dir" durably running '' '' "$started" '' || on_stop_request
wait_payload
all_ended=$?
! made_progress || retries=0
no_verdict
if [ "$all_ended" != 0 ] || { [ "$stop_requested" != 1 ] && [ "$payload_exit" != 0 ]; }; then find_cause "$log" "$payload_exit"; fi

if [ "$all_ended" != 0 ]; then
  say "cell $cell: process$found cannot be ended; no further attempt is safe"
  note_fact "process$found cannot be ended"
  verdict unknown measured
  finish failed "$payload_exit" killed 10
elif [ "$stop_requested" = 1 ]; then
  cancel_cause
  finish cancelled "$payload_exit" "$cause" 12
elif [ "$payload_exit" = 0 ]; then
  if ! flush_output; then
    refuse_tier 'its artifacts could not be flushed to the durable tier' 0
  fi
  rm -rf "$scratch_dir"
  finish complete 0 '' 0
elif [ "$payload_exit" -gt 128 ] && [ "$payload_exit" -le 192 ]; then
  finish failed "$payload_exit" killed 11
else
  finish failed "$payload_exit" train 10
fi
