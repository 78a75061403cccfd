# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced by run_one.sh and run_queue.sh: why an attempt failed, from what the machine says. Needs files.sh, measure.sh, cells.sh.
#
# $class says what it was, $certainty how that is known: `measured` (a counter or a number of this attempt), `probable` (signs
# that fit), `hint` (only what the program itself printed). $evidence: JSON strings, one line each, with a comma before each.
# Classes: hardware, reboot, instanceLost, interrupted (the queue or its wrapper went, not the payload): these may pass by
# themselves. outOfHostMemory, outOfGpuMemory, diskFull, inodesFull, killedByHand, codeError, setup, inputs, tier, unknown: these do not.

may_pass_by_itself() { case $1 in hardware | reboot | instanceLost | interrupted) return 0 ;; *) return 1 ;; esac; }

no_verdict() { class='' certainty='' evidence=''; }

# recall_verdict -> $class, $certainty, $evidence and $retries of $cell as its state has them.
recall_verdict() {
  # In a subshell: what is read there has the names of what is written by the caller.
  _recalled=$(read_cell "$run_dir" "$cell" && json_field "$cell_json" certainty && printf '%s|%s|%s|%s' "$cell_retries" "${cell_class#null}" "${field#null}" "${cell_json#*\"evidence\":\[}") || _recalled='0|||]}'
  retries=${_recalled%%|*} _recalled=${_recalled#*|}
  class=${_recalled%%|*} _recalled=${_recalled#*|}
  certainty=${_recalled%%|*} evidence=${_recalled#*|}
  evidence=${evidence%\]\}}
  evidence=${evidence:+,$evidence}
}

# note_fact TEXT: without quotes and backslashes, because the shell reads these files by pattern.
note_fact() {
  _fact=$(printf '%s' "$1" | tr '"\\\t' "'/ " | tr -d '\000-\037\177' | cut -c 1-240)
  evidence="$evidence,\"$_fact\""
}

verdict() { class=$1 certainty=$2; }

# remember_machine LOG: what is compared afterwards.
remember_machine() {
  uptime_seconds
  began_at=$uptime
  oom_kills
  kills_before=$oom_kills
  gpus_before=$(gpu_facts)
  log_before=$(stat -c %s -- "$1" 2>/dev/null) || log_before=0
}

# One line `uuid, uncorrected errors` per GPU; nothing where there is no nvidia-smi or it does not answer. A GPU that fell off
# the bus makes nvidia-smi hang.
gpu_facts() {
  command -v nvidia-smi >/dev/null 2>&1 || return 0
  timeout 20 nvidia-smi --query-gpu=uuid,ecc.errors.uncorrected.volatile.total --format=csv,noheader 2>/dev/null
}

# find_cause LOG EXIT: after an attempt that failed, with remember_machine before it. Sets class, certainty and evidence.
find_cause() {
  no_verdict
  if [ "$2" -gt 128 ] && [ "$2" -le 192 ]; then note_fact "ended by signal $(($2 - 128)) ($(signal_name $(($2 - 128))))"; else note_fact "exit code $2"; fi
  read_kernel_log
  look_at_gpus
  look_at_memory "$2"
  look_at_disks
  [ -n "$class" ] || judge_exit "$1" "${2:-0}"
}

signal_name() {
  case $1 in 1) echo HUP ;; 2) echo INT ;; 3) echo QUIT ;; 4) echo ILL ;; 6) echo ABRT ;; 7) echo BUS ;; 8) echo FPE ;; 9) echo KILL ;; 11) echo SEGV ;; 13) echo PIPE ;; 14) echo ALRM ;; 15) echo TERM ;; *) echo "$1" ;; esac
}

# read_kernel_log -> $kernel_lines: what the kernel said since the attempt began about hardware and memory; $kernel_readable.
read_kernel_log() {
  kernel_readable=yes kernel_lines=''
  _log=$(timeout 20 dmesg 2>/dev/null)
  # An ordinary user may not read it everywhere; on a rented machine he may usually become root without a password.
  [ -n "$_log" ] || _log=$(timeout 20 sudo -n dmesg 2>/dev/null)
  [ -n "$_log" ] || _log=$(timeout 20 journalctl -k -b -q --no-pager -o short-monotonic 2>/dev/null)
  if [ -z "$_log" ]; then
    kernel_readable=no
    note_fact 'the kernel log cannot be read here'
    return
  fi
  kernel_lines=$(printf '%s\n' "$_log" | awk -v since="$began_at" '
    match($0, /^\[ *[0-9]+\./) { at = substr($0, 2, RLENGTH - 2); sub(/^ */, "", at); if (at + 0 >= since + 0) print }' |
    grep -aE 'NVRM: Xid|Out of memory: Killed|out of memory: Killed|I/O error, dev|Remounting filesystem read-only|\[Hardware Error\]' | tail -n 20)
}

kernel_says() { printf '%s\n' "$kernel_lines" | grep -aE -- "$1" | tail -n 1; }

# NVIDIA's catalogue of Xid messages (docs.nvidia.com/deploy/xid-errors): these mean the card, its memory, its links or its
# firmware. The others (13, 31, 43, 45, ...) are what a faulty program causes too.
look_at_gpus() {
  _line=$(kernel_says 'NVRM: Xid \([^)]*\): (48|61|62|64|74|79|92|94|95|119|120|140),')
  if [ -n "$_line" ]; then
    note_fact "kernel: $_line"
    verdict hardware probable
  else
    _line=$(kernel_says 'NVRM: Xid')
    [ -z "$_line" ] || note_fact "kernel: $_line"
  fi
  _line=$(kernel_says 'I/O error, dev|Remounting filesystem read-only|\[Hardware Error\]')
  if [ -n "$_line" ]; then
    note_fact "kernel: $_line"
    verdict hardware probable
  fi
  [ -n "$gpus_before" ] || return 0
  _now=$(gpu_facts)
  _was=$(printf '%s\n' "$gpus_before" | wc -l)
  if [ -z "$_now" ]; then
    note_fact "nvidia-smi does not answer any more; before it listed $((_was))"
    verdict hardware probable
  elif [ "$(printf '%s\n' "$_now" | wc -l)" -lt "$_was" ]; then
    note_fact "nvidia-smi lists $(printf '%s\n' "$_now" | wc -l) GPUs, before it listed $((_was))"
    verdict hardware probable
  elif [ "$_now" != "$gpus_before" ]; then
    note_fact "uncorrected memory errors of the GPUs rose to: $(printf '%s' "$_now" | tr '\n' ';')"
    verdict hardware probable
  else
    note_fact "nvidia-smi lists all $((_was)) GPUs, with no new uncorrected errors"
  fi
}

# Only a counter of our own cgroup proves a kill for memory: the kernel log is everybody's.
look_at_memory() {
  oom_kills
  kills=''
  [ -z "$oom_kills" ] || kills=$((oom_kills - ${kills_before:-0}))
  if [ -n "$kills" ] && [ "$kills" -gt 0 ]; then
    note_fact "the cgroup counted $kills kill(s) for memory in this attempt"
    [ -n "$class" ] || verdict outOfHostMemory measured
  elif [ -n "$kills" ]; then
    note_fact 'the cgroup counted no kill for memory'
  else
    _line=$(kernel_says '[Oo]ut of memory: Killed')
    note_fact "the cgroup's counters of kills for memory cannot be read${_line:+; kernel: $_line}"
    if [ -n "$_line" ] && [ "$1" = 137 ] && [ -z "$class" ]; then verdict outOfHostMemory probable; fi
  fi
  if [ "$1" = 137 ] && read_line "$run_dir/state/heartbeat" && json_field "$content" memoryBytes; then
    _used=$field
    ! json_field "$content" memoryLimitBytes || note_fact "memory at the last heartbeat: $_used of $field bytes"
  fi
}

look_at_disks() {
  for _place in "$run_dir" "$own_disk" /dev/shm; do
    measure_disk "$_place" || continue
    # The own disk and shared memory have no floor of their own: what a checkpoint's page cache needs is far above this.
    _floor=16777216
    [ "$_place" != "$run_dir" ] || _floor=$bytes_floor
    if is_below "$bytes_free" "$_floor" && [ "$bytes_total" != 0 ]; then
      note_fact "$bytes_free bytes are free on $_place"
      [ -n "$class" ] || verdict diskFull measured
    fi
    _floor=100
    [ "$_place" != "$run_dir" ] || _floor=$inodes_floor
    if is_below "$inodes_free" "$_floor"; then
      note_fact "$inodes_free inodes are free on $_place"
      [ -n "$class" ] || verdict inodesFull measured
    fi
  done
}

# judge_exit LOG EXIT: nothing of the machine explains it.
judge_exit() {
  _said=$(tail -c "+$((log_before + 1))" -- "$1" 2>/dev/null | tail -c 65536)
  if hinted 'CUDA out of memory|OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED: Out of memory'; then
    verdict outOfGpuMemory hint
  elif hinted 'No space left on device|Disk quota exceeded|PytorchStreamWriter failed'; then
    verdict diskFull hint
  elif hinted 'MemoryError|Cannot allocate memory|killed by signal: Killed|std::bad_alloc'; then
    verdict outOfHostMemory hint
  elif [ "$2" -gt 128 ] && [ "$2" -le 192 ]; then
    case $(($2 - 128)) in
      3 | 4 | 6 | 7 | 8 | 11) verdict codeError probable ;;
      9)
        # Without counters and without the kernel's log nobody can tell a person from the kernel.
        if [ -n "$kills" ] || [ "$kernel_readable" = yes ]; then verdict killedByHand probable; else verdict unknown probable; fi
        ;;
      *) verdict killedByHand probable ;;
    esac
  else
    verdict codeError probable
  fi
}

hinted() {
  _hint=$(printf '%s\n' "$_said" | grep -aE -- "$1" | tail -n 1)
  [ -n "$_hint" ] || return 1
  note_fact "hint, printed by the program: $_hint"
}

# made_progress: whether a checkpoint of $cell is newer than its state file, which was written when its payload started.
made_progress() {
  [ -n "$(find "$run_dir/cells/$cell/checkpoints" -type f ! -name '*.tmp' -newer "$run_dir/state/cells/$cell.json" 2>/dev/null | head -n 1)" ]
}

# judge_left_behind: $cell, as read_cell found it, is said to run, but nothing of it lives: its machine or its queue went.
# Needs $owner, the claim of the queue before this one. Sets class, certainty and evidence.
judge_left_behind() {
  no_verdict
  if [ -z "$cell_boot" ] || [ "$cell_boot" = "$boot_id" ]; then
    note_fact 'its queue and wrapper are gone, on a machine that went on'
    verdict interrupted measured
    return
  fi
  uptime_seconds
  note_fact "boot id $cell_boot then, $boot_id now; this machine is up for $uptime s"
  if json_field "$owner_before" machineId && [ "$field" != "$machine_id" ]; then
    json_field "$owner_before" host || :
    note_fact "it ran on another machine ($field)"
    verdict instanceLost measured
  else
    verdict reboot measured
  fi
}
