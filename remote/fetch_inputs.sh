#!/bin/sh
# Brings what cells read, each input once, whole and of the expected content, or says why not.
#   fetch_inputs.sh RUN_DIR SPEC_DIR NAME...         (a child of run_queue.sh)
#   fetch_inputs.sh --check RUN_DIR SPEC_DIR         looks only: `ok input DETAIL` or `refuse input GOTCHA-ID DETAIL` per input
# Exit: 0; 3 a check refuses; 10 an input cannot be had, state/inputs/NAME.json says why; 40 usage; 60 stopped.
# Everything is bounded: tries without progress, and seconds in all. The machine bills while this works.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/measure.sh"
. "$here/lib/lock.sh"
. "$here/lib/cells.sh"
. "$here/lib/payload.sh"
. "$here/lib/inputs.sh"

usage='usage: fetch_inputs.sh RUN_DIR SPEC_DIR NAME... | fetch_inputs.sh --check RUN_DIR SPEC_DIR'
beat_seconds=2

# fail_input TEXT: the end of this input, and of this script.
fail_input() {
  say "input $input: $1"
  [ -z "${epoch-}" ] || release_lock "$work" || :
  input_state "$run_dir" failed "$1" || say "input $input: its state could not be written"
  exit 10
}

ready_input() {
  [ -z "$recorded_sha256" ] || [ -n "$input_sha256" ] || [ "$recorded_sha256" = "$found_sha256" ] ||
    fail_input "the content behind it changed since cells of this run read it: it was $recorded_sha256, now it is $found_sha256; write the one that is meant as sha256 in the job"
  input_state "$run_dir" ready '' || fail_input "its state could not be written to $run_dir"
  say "input $input: $found_files files, $found_bytes bytes, sha256 $found_sha256"
}

# Where it is, it stays: only looked at.
use_mounted() {
  input_mark=$own_disk/inputs/.mounted-$(printf '%s\n' "$input_target $input_sha256" | sha256sum | cut -c 1-16)
  [ -e "$input_target" ] || fail_input "$input_target does not exist on this instance"
  case $input_target/ in "$run_dir"/* | "$own_disk"/*) fail_input "$input_target is where this run writes, so it is no input" ;; esac
  unfit_content "$input_target"
  [ -z "$unfit" ] || fail_input "$unfit"
  content_stamp "$input_target" || fail_input "$input_target cannot be listed"
  if [ -z "$input_sha256" ]; then
    found_sha256=''
  elif read_line "$input_mark" && [ "$content" = "$stamp" ]; then
    found_sha256=$input_sha256
  else
    say "input $input: hashing $input_target ($found_bytes bytes)"
    hash_content "$input_target" || fail_input "$unfit"
    [ "$found_sha256" = "$input_sha256" ] || fail_input "$input_target has the sha256 $found_sha256, not $input_sha256"
    mkdir -p "$own_disk/inputs" && replace_quickly "$input_mark" "$stamp"
  fi
  ready_input
}

# Holds the entry's lock when it returns 0; 1 when another brought the input meanwhile.
take_entry() {
  waiting=''
  while :; do
    entry_is_whole && return 1
    [ "$stopped" = 0 ] || exit 60
    is_in_time || fail_input "another run has been bringing it for ${input_max_seconds} s; see the lock below $work"
    take_lock "$work" 11
    case $? in
      0) break ;;
      2) mkdir -p "$work" 2>/dev/null || fail_input "${input_entry%/*} cannot be written" ;;
    esac
    [ -n "$waiting" ] || { say "input $input: waits, $refusal" && input_state "$run_dir" waiting "$refusal"; }
    waiting=yes
    nap 1
  done
  # Between the look and the lock it may have been finished.
  entry_is_whole && { drop_work; return 1; }
  [ ! -d "$input_entry" ] || { say "input $input: $input_entry was changed after it was brought; bringing it again" && rm -rf "$input_entry"; }
  [ ! -d "$input_entry" ] || fail_input "$input_entry was changed after it was brought, and cannot be removed"
}

is_in_time() {
  uptime_seconds
  left=$((started_at + input_max_seconds - uptime))
  [ "$left" -gt 0 ]
}

drop_work() { rm -rf "$work"; }

# Shows other machines that the lock's owner lives, and people how far it is; ends with this script.
beat() {
  trap 'kill "$_nap" 2>/dev/null; exit 0' TERM
  _told=0 _nap=''
  while process_lives "$own_pid" "$own_ticks"; do
    read_line "$work/progress" || content=''
    uptime_seconds
    replace_quickly "$work/state/heartbeat" "$uptime $content" || :
    if [ -n "$content" ] && [ "$uptime" -ge $((_told + 30)) ]; then
      _told=$uptime found_bytes=${content%% *}
      say "input $input: $found_bytes of ${content##* } bytes"
      input_state "$run_dir" fetching '' || :
    fi
    nap "$beat_seconds"
  done
}

end_beat() {
  [ -z "$beating" ] || { kill "$beating" 2>/dev/null && wait "$beating" 2>/dev/null; }
  beating=''
}

# bounded COMMAND...: runs it within what is left of the time, passes TERM on. Its exit code; 124 when the time is over.
bounded() {
  is_in_time || return 124
  timeout -k 10 "$left" "$@" </dev/null &
  child=$!
  while :; do
    wait "$child"
    bounded_exit=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=''
  [ "$stopped" = 0 ] || exit 60
  return "$bounded_exit"
}

# Runs with the job's proxy, environment and secrets, as a payload does; nothing of them is an argument.
# shellcheck disable=SC2016  # expanded by that shell
fetch_program='
[ ! -f "$1/proxy" ] || . "$1/proxy" >/dev/null 2>&1
[ ! -f "$1/env" ] || . "$1/env"
[ ! -f "$2" ] || . "$2" 2>/dev/null
[ -z "$3" ] || eval "export HOLDFAST_FETCH_TOKEN=\"\${$3-}\""
shift 3
exec "$@"
'

fetch_from_afar() {
  command -v "${input_python:-python3}" >/dev/null 2>&1 || fail_input "it is fetched with Python, and ${input_python:-python3} is not installed"
  case $input_token in [0-9]* | *[!A-Za-z0-9_]*) fail_input "\"$input_token\" is no name of a secret" ;; esac
  check_sources "$spec_dir/env" "$secrets_file" || fail_input 'the environment or secrets file of the job cannot be read'
  : >"$work/why"
  HOLDFAST_FETCH_PROGRESS="$work/progress" HOLDFAST_FETCH_PAUSE="$retry_backoff_seconds" HOLDFAST_FETCH_PINNED="$input_sha256" HOLDFAST_FETCH_FLOOR="$bytes_floor" \
    bounded sh -c "$fetch_program" fetch "$spec_dir" "$secrets_file" "$input_token" \
    "$input_python" -IB "$here/lib/fetch.py" "$input_kind" "$input_source" "$work/entry/${input_target##*/}" 2>"$work/why" && return 0
  case $? in 124 | 137) fail_input "it did not arrive within $input_max_seconds s (maxHours of the input); what has arrived is kept, the same command goes on from there" ;; esac
  fail_input "$(tail -n 1 "$work/why" | cut -c 1-400)"
}

copy_from_instance() {
  [ -e "$input_source" ] || fail_input "$input_source does not exist on this instance"
  case $input_entry/ in "$input_source"/*) fail_input "$input_source holds the folder it would be copied into" ;; esac
  unfit_content "$input_source"
  [ -z "$unfit" ] || fail_input "$unfit"
  content_stamp "$input_source" || fail_input "$input_source cannot be listed"
  measure_disk "$work" || bytes_free=null
  is_below "$bytes_free" $((found_bytes + bytes_floor)) && fail_input "$found_bytes bytes do not fit: $bytes_free are free, $bytes_floor stay free"
  _from=$input_source
  [ ! -d "$_from" ] || _from=$_from/
  bounded rsync --recursive --copy-links --times --partial-dir=.holdfast-partial "$_from" "$work/entry/${input_target##*/}" 2>"$work/why" && return 0
  case $? in 124 | 137) fail_input "copying $input_source took longer than $input_max_seconds s (maxHours of the input)" ;; esac
  fail_input "$input_source could not be copied: $(tail -n 1 "$work/why" | cut -c 1-400)"
}

# What was pushed waits beside the entry; who pushed it said what it must be.
take_pushed() {
  [ -d "$input_pushed" ] || fail_input 'it has not arrived from the machine that holds it: pulumi up pushes it'
  rm -rf "$work/entry"
  mv "$input_pushed" "$work/entry" || fail_input "$input_pushed cannot be moved"
}

bring_input() {
  work=$input_entry.work
  take_entry || { ready_input && return 0; }
  rm -f "$work/progress"
  mkdir -p "$work/state" "$work/entry" || fail_input "$work cannot be written"
  beat &
  beating=$!
  input_state "$run_dir" fetching '' || fail_input "its state could not be written to $run_dir"
  say "input $input: bringing it ($input_kind, at most $input_max_seconds s)"
  case $input_kind in
    url | bucket) fetch_from_afar ;;
    instance) copy_from_instance ;;
    local) take_pushed ;;
    *) fail_input "its kind \"$input_kind\" is not known to these scripts" ;;
  esac
  seal_entry
  ready_input
}

# Hash, flush, rename: in that order, so that what has the name is whole and right, also after a crash.
seal_entry() {
  _whole=$work/entry/${input_target##*/}
  hash_content "$_whole" || fail_input "$unfit"
  if [ -n "$input_sha256" ] && [ "$found_sha256" != "$input_sha256" ]; then
    rm -rf "$work/entry"
    fail_input "what arrived has the sha256 $found_sha256, not $input_sha256; it was thrown away"
  fi
  # A payload that writes to its data would change what the next cell reads.
  find "$_whole" -type f -exec chmod a-w {} +
  sync_files_below "$work/entry" 2>/dev/null || fail_input "it could not be flushed to the disk"
  find "$work/entry" -type d -exec sync {} + 2>/dev/null || sync
  write_facts "$work/entry" || fail_input "$work cannot be written"
  lock_is_ours "$work" "$epoch"
  [ $? != 1 ] || fail_input "another run took over the lock of $work"
  mv -T "$work/entry" "$input_entry" || fail_input "$input_entry cannot be written"
  sync_directory "${input_entry%/*}" || fail_input "it could not be flushed to the disk"
  end_beat
  drop_work
  epoch=''
}

on_stop() {
  stopped=1
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}

# --- looking before anything is started ------------------------------------------------------------------------------

check_inputs() {
  code=0
  for _spec in "$spec_dir"/inputs/*; do
    _name=${_spec##*/}
    case $_name in *.env) continue ;; esac
    read_input "$spec_dir" "$_name" || continue
    case $input_mode in
      mount) if [ -e "$input_target" ]; then printf 'ok input %s is at %s\n' "$input" "$input_target"; else refuse_input U33 "$input_target does not exist on this instance"; fi ;;
      *) check_room ;;
    esac
    case $input_kind in
      url | bucket) command -v "$input_python" >/dev/null 2>&1 || refuse_input U29 "it is fetched with Python, and $input_python is not installed" ;;
      instance) [ "$input_mode" = mount ] || [ -e "$input_source" ] || refuse_input U33 "$input_source does not exist on this instance" ;;
    esac
  done
  exit "$code"
}

refuse_input() {
  printf 'refuse input %s %s: %s\n' "$1" "$input" "$2"
  code=3
}

# check_room: each input by itself; together they are part of the plan's room.
check_room() {
  if [ -d "$input_entry" ]; then
    printf 'ok input %s is there\n' "$input"
    return
  fi
  _folder=$input_entry
  until [ -d "$_folder" ]; do _folder=${_folder%/*} && _folder=${_folder:-/}; done
  measure_disk "$_folder" || bytes_free=null
  if [ -n "$input_bytes" ] && is_below "$bytes_free" $((input_bytes + bytes_floor)); then
    refuse_input U6 "$input_bytes bytes do not fit on $_folder: $bytes_free are free, $bytes_floor stay free"
  else
    printf 'ok input %s: %s bytes, %s free\n' "$input" "${input_bytes:-unknown}" "$bytes_free"
  fi
}

check=no
if [ "${1-}" = --check ]; then check=yes && shift; fi
if [ $# -lt 2 ] || { [ $check = no ] && [ $# -lt 3 ]; }; then usage_error "$usage"; fi
run_dir=${1%/} spec_dir=$(CDPATH='' cd -- "$2" 2>/dev/null && pwd -P) || usage_error "the spec directory $2 does not exist"
shift 2
name_the_run
read_limits "$spec_dir" || usage_error "limits:$limits_fault"
[ $check = no ] || check_inputs
lists=$(mktemp -d) || exit 40
trap 'end_beat; rm -rf "$lists"' EXIT
trap 'on_stop' TERM INT
stopped=0 child='' beating=''
process_facts $$
own_pid=$$ own_ticks=$ticks
for name in "$@"; do
  read_input "$spec_dir" "$name" || usage_error "the job has no input \"$name\""
  uptime_seconds
  started_at=$uptime found_sha256='' found_bytes='' found_files=''
  recorded_input "$run_dir"
  if [ "$input_mode" = mount ]; then use_mounted; else bring_input; fi
done
