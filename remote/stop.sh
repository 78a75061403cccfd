#!/bin/sh
# Ends the run's queue: TERM (the payload writes its last checkpoint), up to GRACE seconds, then KILL; then looks
# whether anything still lives. Works as well when the queue itself was killed and only its payload runs.
#   stop.sh RUN_DIR SESSION [GRACE_SECONDS [cancel]]     SESSION: the tmux session to close; empty: none. Default grace 60.
# With `cancel` every cell that has not ended is cancelled on purpose: a later queue runs it only when it is retried. Without
# it, what was running is resumed by the next queue.
# Exit: 0 no writer lives, 1 something cannot be ended, 30 the tier does not take the cells' states, 40 usage,
# 50 the writer is on another machine.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/lock.sh"
. "$here/lib/cells.sh"

case $# in 2 | 3 | 4) ;; *) usage_error 'usage: stop.sh RUN_DIR SESSION [GRACE_SECONDS [cancel]]' ;; esac
run_dir=$(CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || usage_error "there is no run directory $1"
session=$2 grace=${3:-60} cells=${4-}
case $cells in '' | cancel) ;; *) usage_error "\"$cells\" is not \"cancel\"" ;; esac
case $grace in *[!0-9]* | 0?* | ??????????*) usage_error "GRACE_SECONDS must be a number of seconds, not \"$grace\"" ;; esac

# await_process_end PID TICKS SECONDS
await_process_end() {
  uptime_seconds
  _last=$((uptime + $3))
  while process_lives "$1" "$2"; do
    uptime_seconds
    [ "$uptime" -lt "$_last" ] || return 1
    nap 0.2
  done
}

# end_wrapper WHAT PID TICKS: a wrapper passes TERM on and needs a moment after its payload to write the state.
end_wrapper() {
  say "asking $1 (pid $2) to end, with $grace s for a last checkpoint"
  kill -TERM "$2" 2>/dev/null
  await_process_end "$2" "$3" $((grace + 15)) && return 0
  say "$1 (pid $2) has not ended; killing it"
  kill -KILL "$2" 2>/dev/null
  await_process_end "$2" "$3" 10 || { survivor=$2; return 1; }
}

end_queue() {
  [ -d "$run_dir/lock" ] || return 0
  highest_epoch "$run_dir" || { say 'the writer lock cannot be read'; exit 1; }
  owner_state
  case $owner_is in
    other-host)
      json_field "$owner" host || :
      say "the writer of epoch $highest is on $field, which cannot be seen from here"
      exit 50
      ;;
    alive)
      json_field "$owner" pid
      queue_pid=$field
      json_field "$owner" startTicks
      end_wrapper 'the queue' "$queue_pid" "$field"
      ;;
  esac
}

# Wrappers and payloads of a queue that was killed, then the states that nobody is left to write.
end_orphans() {
  for file in "$run_dir"/state/cells/*.json; do
    name=${file##*/}
    name=${name%.json}
    { glance_at_cell "$run_dir" "$name" && [ "$cell_state" = running ] && read_cell "$run_dir" "$name"; } || continue
    [ "$cell_boot" = "$boot_id" ] || continue
    ! process_lives "$wrapper_pid" "$wrapper_ticks" || end_wrapper "the wrapper of cell $name" "$wrapper_pid" "$wrapper_ticks"
  done
  payload_processes "$run_dir"
  [ -z "$found" ] || say "ending processes of the job:$found"
  end_payload "$run_dir" '' "$grace" || survivor=$found
}

mark_cancelled() {
  cause=${cells:+request}
  for file in "$run_dir"/state/cells/*.json; do
    name=${file##*/}
    name=${name%.json}
    glance_at_cell "$run_dir" "$name" || continue
    case $cell_state/$cells in running/* | pending/cancel) ;; *) continue ;; esac
    say "cell $name is marked cancelled"
    replace_durably "$file" "$(end_record "$cell_json" cancelled "$cause")" || unwritten=1
  done
}

this_machine
survivor='' unwritten=0
[ ! -d "$run_dir/state" ] || replace_quickly "$run_dir/state/stop.json" "{\"at\":\"$(now)\",\"graceSeconds\":$grace,\"cells\":\"$cells\"}" ||
  say 'the grace could not be passed on; the limits of the job apply'
end_queue
end_orphans
[ -n "$survivor" ] || mark_cancelled
rm -f "$run_dir/state/stop.json" 2>/dev/null
if [ -n "$session" ] && tmux has-session -t "=$session" 2>/dev/null; then tmux kill-session -t "=$session"; fi
if [ -n "$survivor" ]; then
  say "still alive:$survivor"
  exit 1
fi
[ "$unwritten" = 0 ] || { say 'the states could not be written'; exit 30; }
say 'no writer lives'
