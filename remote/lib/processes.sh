# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced: which processes live, and ending them. A process is a pid *and* its start time in clock ticks: pids are
# used again. Nothing here looks at command lines, where a check would find itself.

# Written into the environment of everything that comes from the job (cells, setup), and inherited by its children:
# a worker that left its process group is found by it. The slash at the end keeps run1 apart from run10.
payload_mark() { printf 'HOLDFAST_PAYLOAD_OF=%s/' "$1"; }

# process_facts PID -> $ticks, $group. Fails when there is no such process or it is a zombie, which holds nothing any more.
process_facts() {
  ticks='' group=''
  { IFS= read -r _stat; } 2>/dev/null <"/proc/$1/stat" || return 1
  # The name in parentheses may itself contain spaces, parentheses, even a newline.
  case $_stat in *') '*) ;; *) _stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1 ;; esac
  # shellcheck disable=SC2086  # split into fields: state is the third, group the fifth, start time the twenty-second
  set -- ${_stat##*) }
  case ${1-} in Z | X | x | '') return 1 ;; esac
  group=$3
  ticks=${20}
}

# process_lives PID TICKS
process_lives() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
  process_facts "$1" && [ "$ticks" = "$2" ]
}

# payload_processes RUN_DIR [GROUP] -> $found: pids of the job's processes of this run on this machine, and of the group.
payload_processes() {
  found=''
  # shellcheck disable=SC2013  # words are wanted: paths below /proc hold no blanks
  for _path in $(grep -lsF -- "$(payload_mark "$1")" /proc/[0-9]*/environ 2>/dev/null); do
    _pid=${_path#/proc/}
    found="$found ${_pid%/environ}"
  done
  [ -n "${2-}" ] || return 0
  for _path in /proc/[0-9]*/stat; do
    { IFS= read -r _stat; } 2>/dev/null <"$_path" || continue
    _pid=${_path#/proc/}
    _pid=${_pid%/stat}
    # shellcheck disable=SC2086  # split into fields
    set -- "$1" "$2" ${_stat##*) }
    [ "${5-}" = "$2" ] || continue
    case ${3-} in Z | X | x) continue ;; esac
    case " $found " in *" $_pid "*) ;; *) found="$found $_pid" ;; esac
  done
}

# Whole seconds since boot: unlike the time of day it never jumps.
uptime_seconds() {
  read -r uptime _ </proc/uptime
  uptime=${uptime%.*}
}

# nap SECONDS: a sleep that a trapped signal cuts short.
nap() {
  sleep "$1" &
  _nap=$!
  # Only when it was cut short: a sleep that ended is gone, and its pid may be someone else's by now.
  wait "$_nap" || kill "$_nap" 2>/dev/null || :
}

# end_payload RUN_DIR GROUP GRACE: asks every process of the job to end (TERM), waits up to GRACE seconds for it to
# write its checkpoint, then KILLs. Returns 0 when none lives, and 1 when one cannot be ended (stuck in the kernel).
end_payload() {
  payload_processes "$1" "$2"
  [ -n "$found" ] || return 0
  for _pid in $found; do kill -TERM "$_pid" 2>/dev/null; done
  await_payload_end "$1" "$2" "$3" && return 0
  for _pid in $found; do kill -KILL "$_pid" 2>/dev/null; done
  await_payload_end "$1" "$2" 10
}

# await_payload_end RUN_DIR GROUP SECONDS: 0 as soon as nothing of the job lives; 1 and $found after that time.
await_payload_end() {
  uptime_seconds
  _until=$((uptime + $3))
  while payload_processes "$1" "$2" && [ -n "$found" ]; do
    uptime_seconds
    [ "$uptime" -lt "$_until" ] || return 1
    nap 0.2
  done
}

# kill_payload RUN_DIR: at once, without asking. Returns as end_payload does.
kill_payload() {
  payload_processes "$1"
  for _pid in $found; do kill -KILL "$_pid" 2>/dev/null; done
  await_payload_end "$1" '' 10
}
