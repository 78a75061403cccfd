#!/bin/sh
# Writes state/heartbeat every SECONDS for as long as the queue that started it lives and holds its epoch.
#   heartbeat.sh RUN_DIR EPOCH SECONDS        (a background child of run_queue.sh)
# Exit: 0 the queue has ended, 40 usage, 50 another epoch holds the run.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/measure.sh"
. "$here/lib/lock.sh"

[ $# -eq 3 ] || usage_error 'usage: heartbeat.sh RUN_DIR EPOCH SECONDS'
run_dir=$1 epoch=$2 seconds=$3
this_machine
queue_pid=$PPID
process_facts "$queue_pid" || exit 0
queue_ticks=$ticks

heartbeat() {
  if read_line "$run_dir/state/current" && [ -n "$content" ]; then current=$(json_string "$content"); else current=null; fi
  measure_disk "$run_dir" || { bytes_free=null inodes_free=null; }
  measure_memory
  uptime_seconds
  printf '{"at":"%s","epoch":%s,"pid":%s,"cell":%s,"bytesFree":%s,"inodesFree":%s' "$(now)" "$epoch" "$queue_pid" "$current" "$bytes_free" "$inodes_free"
  printf ',"memoryBytes":%s,"memoryLimitBytes":%s,"gpu":%s,"uptimeSeconds":%s,"bootId":"%s"}' \
    "$memory_used" "$memory_limit" "$(gpus_json)" "$uptime" "$boot_id"
}

while process_lives "$queue_pid" "$queue_ticks"; do
  lock_is_ours "$run_dir" "$epoch"
  [ $? != 1 ] || exit 50
  # A beat that cannot be written is told by its age; there is nothing better to do than to try again.
  replace_quickly "$run_dir/state/heartbeat" "$(heartbeat)" || :
  # Slept in short pieces, so that the last beat is never long after the queue's end.
  slept=0
  while [ "$slept" -lt "$seconds" ] && process_lives "$queue_pid" "$queue_ticks"; do
    sleep 1
    slept=$((slept + 1))
  done
done
