#!/bin/sh
# The state of a run as one line of JSON, from state files and the process table; logs are not read.
#   status.sh RUN_DIR
# {"writer":"alive|none|other-host","session":NAME|null,"epoch":N,"cells":[state files, each with "begun" (something is there
#  that another configuration must not be mixed with) and "newestCheckpoint"],"heartbeat":{...}|null,"closed":{...}|null,
#  "queue":{...}|null,"next":{...}|null (an edit that waits),"refused":{...}|null (the last one that was not taken up),
#  "orders":[cells for which one waits],"newestCheckpoint":{"path","mtime","bytes","ageSeconds"}|null,
#  "setup":{...}|null,"inputs":[state files of inputs],"bytesFree","bytesTotal","inodesFree":N|null,"now"}; mtime in seconds since 1970, paths relative to RUN_DIR.
# A state file that is not JSON appears as {"cell":NAME,"state":"unreadable"}. Exit: 0, 40 usage.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/measure.sh"
. "$here/lib/lock.sh"
. "$here/lib/cells.sh"

[ $# -eq 1 ] || usage_error 'usage: status.sh RUN_DIR'
run_dir=$(CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || usage_error "there is no run directory $1"
now_seconds=$(date +%s)

# A payload whose queue was killed still writes, so it counts as a writer. A lock that cannot be read is held.
writer() {
  payload_processes "$run_dir"
  highest=0
  if [ ! -d "$run_dir/lock" ]; then owner_is=none; elif highest_epoch "$run_dir"; then owner_state; else owner_is=other-host; fi
  case $owner_is in alive | other-host) writer=$owner_is ;; *) writer=none ;; esac
  [ -z "$found" ] || writer=alive
}

session() {
  _parent=${run_dir%/*}
  _above=${_parent%/*}
  _name=holdfast-${_above##*/}-${_parent##*/}-${run_dir##*/}
  if tmux has-session -t "=$_name" 2>/dev/null; then json_string "$_name"; else printf null; fi
}

# For every state file, in their order, one line `cell`, with ` mtime bytes path` of the cell's newest checkpoint behind it where
# there is one. Ties go to the later name. One pass for all: looking each cell up in a long text would take this shell minutes.
newest_checkpoints() {
  {
    printf '%s\n' "$run_dir"/state/cells/*.json
    # No part of a file's name can be this line, whatever newlines are in it.
    echo /
    [ ! -d "$run_dir/cells" ] ||
      find "$run_dir/cells" -path '*/checkpoints/*' -type f ! -name '*.tmp' ! -path '*[[:cntrl:]]*' -exec stat -c '%Y %s %n' {} + 2>/dev/null
  } | awk -v states="$run_dir/state/cells/" -v prefix="$run_dir/cells/" '
    !listed && $0 == "/" { listed = 1; next }
    !listed {
      file = substr($0, length(states) + 1)
      if (index($0, states) == 1 && file ~ /^[A-Za-z0-9._-]+[.]json$/) order[++count] = substr(file, 1, length(file) - 5)
      next
    }
    {
      path = $0; sub(/^-?[0-9]+ [0-9]+ /, "", path); path = substr(path, length(prefix) + 1)
      if (split(path, part, "/") < 3 || part[2] != "checkpoints") next
      cell = part[1]
      if (!(cell in newest) || $1 > newest[cell] || ($1 == newest[cell] && path > name[cell])) { newest[cell] = $1; size[cell] = $2; name[cell] = path }
    }
    END { for (i = 1; i <= count; i++) { cell = order[i]; print cell (cell in newest ? " " newest[cell] " " size[cell] " cells/" name[cell] : "") } }'
}

# checkpoint_json "MTIME BYTES PATH"
checkpoint_json() {
  if [ -z "$1" ]; then
    printf null
    return
  fi
  _mtime=${1%% *}
  _rest=${1#* }
  printf '{"path":%s,"mtime":%s,"bytes":%s,"ageSeconds":%s}' "$(json_string "${_rest#* }")" "$_mtime" "${_rest%% *}" $((now_seconds - _mtime))
}

# Every state file, with what the cell's checkpoints say about its progress.
cells() {
  # One grep for all of them; /dev/null keeps it from reading stdin where there is none.
  faulty=$newline$(grep -LE "$json_object_pattern" "$run_dir"/state/cells/*.json /dev/null 2>/dev/null)$newline
  separator='' newest='' newest_time=-1
  printf '['
  while IFS= read -r line <&3; do
    name=${line%% *}
    checkpoint=${line#"$name"}
    checkpoint=${checkpoint# }
    valid_state_name "$name" || continue
    [ -z "$checkpoint" ] || [ "${checkpoint%% *}" -le "$newest_time" ] || { newest=$checkpoint newest_time=${checkpoint%% *}; }
    glance_at_cell "$run_dir" "$name" || cell_json=''
    case $faulty in *"$newline$run_dir/state/cells/$name.json$newline"*) cell_json='' ;; esac
    [ -n "$cell_json" ] || cell_json="{\"cell\":\"$name\",\"state\":\"unreadable\"}"
    cell=$name begun=false
    ! has_begun "$run_dir" || begun=true
    printf '%s%s,"begun":%s,"newestCheckpoint":' "$separator" "${cell_json%\}}" "$begun"
    checkpoint_json "$checkpoint"
    printf '}'
    separator=,
  done 3<<EOF
$(newest_checkpoints)
EOF
  printf '],"newestCheckpoint":'
  checkpoint_json "$newest"
}

state_file() {
  if json_line "$run_dir/state/$1" && printf '%s\n' "$content" | grep -Eq "$json_object_pattern"; then printf '%s' "$content"; else printf null; fi
}

inputs() {
  _separator=''
  for file in "$run_dir"/state/inputs/*.json; do
    [ -e "$file" ] || continue
    _input=${file#"$run_dir/state/"}
    _input=$(state_file "$_input")
    [ "$_input" != null ] || continue
    printf '%s%s' "$_separator" "$_input"
    _separator=,
  done
}

orders() {
  separator=''
  for file in "$run_dir"/state/orders/*.json; do
    name=${file##*/}
    name=${name%.json}
    [ -e "$file" ] || continue
    valid_cell_name "$name" || continue
    printf '%s"%s"' "$separator" "$name"
    separator=,
  done
}

writer
measure_disk "$run_dir" || { bytes_free=null bytes_total=null inodes_free=null; }
printf '{"writer":"%s","session":%s,"epoch":%s,"cells":%s' "$writer" "$(session)" "$highest" "$(cells)"
printf ',"heartbeat":%s,"closed":%s,"queue":%s' "$(state_file heartbeat)" "$(state_file closed.json)" "$(state_file queue.json)"
printf ',"setup":%s,"inputs":[%s]' "$(state_file setup.json)" "$(inputs)"
printf ',"next":%s,"refused":%s,"orders":[%s]' "$(state_file next.json)" "$(state_file refused.json)" "$(orders)"
printf ',"bytesFree":%s,"bytesTotal":%s,"inodesFree":%s,"now":"%s"}\n' "$bytes_free" "$bytes_total" "$inodes_free" "$(now)"
