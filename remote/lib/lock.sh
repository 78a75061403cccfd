# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced: the writer lock of a run, with epochs. Needs files.sh and processes.sh.
#
# A run has one writer: the queue whose epoch is the highest. A claim is a directory lock/claims/<epoch> that appears
# by rename with the owner already in it: renaming onto a directory that is not empty fails, also over NFS, so of two
# queues that want one epoch one wins. lock/writer is the published copy of the highest claim. An old machine that
# comes back sees a higher epoch than its own and stops writing (fencing).

# Every field but pid and ticks says which machine this is; machine-id tells two hosts of one name apart.
this_machine() {
  host=$(uname -n)
  machine_id=''
  { read -r machine_id; } 2>/dev/null </etc/machine-id || :
  read -r boot_id </proc/sys/kernel/random/boot_id
}

# highest_epoch RUN_DIR -> $highest (0: nobody ever wrote) and $owner, the JSON of its owner ('' when unknown).
# Fails when the lock cannot be read.
highest_epoch() {
  highest=0 owner=''
  [ -d "$1/lock" ] || return 1
  for _claim in "$1"/lock/claims/[1-9]*; do
    _number=${_claim##*/}
    case $_number in *[!0-9]*) continue ;; esac
    [ "$_number" -le "$highest" ] || highest=$_number
  done
  [ "$highest" = 0 ] || ! read_line "$1/lock/claims/$highest/owner" || owner=$content
  if [ -e "$1/lock/writer" ]; then
    read_line "$1/lock/writer" || return 1
    json_field "$content" epoch || return 1
    case $field in '' | *[!0-9]*) return 1 ;; esac
    # The published copy of a claim also says whether it was released.
    [ "$field" -lt "$highest" ] || { highest=$field owner=$content; }
  fi
}

# owner_state -> $owner_is: none, released, alive, dead, or other-host (its processes cannot be seen from here). Reads $highest, $owner.
owner_state() {
  this_machine
  owner_is=none
  [ "$highest" != 0 ] || return 0
  owner_is=released
  ! json_field "$owner" releasedAt || return 0
  owner_is=other-host
  json_field "$owner" host
  [ "$field" = "$host" ] || return 0
  json_field "$owner" machineId
  [ "$field" = "$machine_id" ] || return 0
  owner_is=dead
  json_field "$owner" bootId
  # The same machine after a reboot: none of its processes lived through that.
  [ "$field" = "$boot_id" ] || return 0
  json_field "$owner" pid
  _owner_pid=$field
  json_field "$owner" startTicks
  process_lives "$_owner_pid" "$field" || return 0
  owner_is=alive
}

# take_lock RUN_DIR OBSERVE_SECONDS -> $epoch. On refusal returns 1 (held) or 2 (not writable) with $refusal.
# A writer on another machine counts as alive when its heartbeat changes within OBSERVE_SECONDS; clocks are not compared.
take_lock() {
  refusal='the writer lock cannot be read'
  mkdir -p "$1/lock/claims" 2>/dev/null || { refusal='the lock cannot be created'; return 2; }
  highest_epoch "$1" || return 1
  owner_state
  json_field "$owner" host || field='an unknown machine'
  case $owner_is in
    alive)
      json_field "$owner" pid
      refusal="the queue with pid $field is writing to this run (epoch $highest)"
      return 1
      ;;
    other-host)
      say "epoch $highest was taken on $field; watching its heartbeat for $2 s"
      if heartbeat_changes "$1" "$2"; then
        refusal="the queue on $field is writing to this run (epoch $highest)"
        return 1
      fi
      ;;
  esac
  claim_epoch "$1" $((highest + 1))
}

heartbeat_changes() {
  read_line "$1/state/heartbeat" || content=''
  _before=$content
  uptime_seconds
  _observed=$((uptime + $2))
  while [ "$uptime" -lt "$_observed" ]; do
    nap 0.5
    read_line "$1/state/heartbeat" || content=''
    [ "$content" = "$_before" ] || return 0
    uptime_seconds
  done
  return 1
}

claim_epoch() {
  process_facts $$
  _claim=$(printf '{"epoch":%s,"host":%s,"machineId":"%s","bootId":"%s","pid":%s,"startTicks":%s,"at":"%s"}' \
    "$2" "$(json_string "$host")" "$machine_id" "$boot_id" $$ "$ticks" "$(now)")
  _prepared="$1/lock/claims/.$boot_id.$$.$2.tmp"
  refusal='the lock cannot be written'
  if ! mkdir "$_prepared" 2>/dev/null || ! replace_durably "$_prepared/owner" "$_claim"; then
    rm -rf "$_prepared"
    return 2
  fi
  mv -T "$_prepared" "$1/lock/claims/$2" 2>/dev/null
  # Over NFS the reply can be lost and the repeat fail, so what counts is who stands there, not what mv said.
  if ! read_line "$1/lock/claims/$2/owner" || [ "$content" != "$_claim" ]; then
    rm -rf "$_prepared"
    refusal="another queue took epoch $2 at the same moment"
    return 1
  fi
  if ! sync_directory "$1/lock/claims" || ! replace_durably "$1/lock/writer" "$_claim"; then return 2; fi
  epoch=$2 own_claim=$_claim
  for _old in "$1"/lock/claims/[1-9]*; do
    case ${_old##*/} in *[!0-9]*) continue ;; esac
    [ "${_old##*/}" -ge "$2" ] || rm -rf "$_old"
  done
}

# lock_is_ours RUN_DIR EPOCH: 0 ours, 1 a higher epoch is there, 2 cannot be told just now.
lock_is_ours() {
  highest_epoch "$1" || return 2
  [ "$highest" -le "$2" ] || return 1
  [ "$highest" = "$2" ] || return 2
}

# release_lock RUN_DIR: says in the published copy that the writer has ended by itself, for readers on other machines.
release_lock() {
  lock_is_ours "$1" "$epoch" || return 0
  replace_durably "$1/lock/writer" "${own_claim%\}},\"releasedAt\":\"$(now)\"}"
}
