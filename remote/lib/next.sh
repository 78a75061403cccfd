# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced by run_queue.sh: taking up an edit of the run while the queue lives. Needs files.sh and cells.sh.
#
# state/next.json names a spec and a code folder beside the ones in use: {"spec":"spec-...","code":"code-..."}. The queue takes
# it up before it starts another cell, and within a second while one runs. A cell that has begun is not touched: an edit that
# changes or drops one is refused as a whole (state/refused.json) and the run goes on as it was.

# take_up_next: looks for an edit; may change $spec_dir, $code_dir, $queue and the limits. Never ends the queue: what cannot be
# written now is tried again at the next look.
take_up_next() {
  # Moved away first: what is removed at the end must not be a later edit.
  [ ! -e "$run_dir/state/next.json" ] || mv -f "$run_dir/state/next.json" "$run_dir/state/taken.json" 2>/dev/null || return 0
  [ -e "$run_dir/state/taken.json" ] || return 0
  next_spec='' next_code=''
  if json_line "$run_dir/state/taken.json" && json_field "$content" spec; then
    next_spec=$field
    json_field "$content" code && next_code=$field
  fi
  _judged=$(judge_next) || _judged="it could not be judged|"
  if [ "$_judged" != '|' ]; then
    refuse_next "${_judged%%|*}" "${_judged#*|}"
    return 0
  fi
  _spec_before=$spec_dir _code_before=$code_dir
  spec_dir=$own_disk/$next_spec code_dir=$own_disk/$next_code
  if ! write_queue_file; then
    spec_dir=$_spec_before code_dir=$_code_before
    return 0
  fi
  rm -f "$run_dir/state/refused.json" "$run_dir/state/taken.json" 2>/dev/null
  read_limits "$spec_dir" || :
  read_queue "$spec_dir" || :
  say "goes on with $next_spec and $next_code"
  (show_roster) || say 'the states of the cells could not all be written'
  dealt_with=$(still_dealt_with)
}

# still_dealt_with: prints $dealt_with without the cells that wait again. For a subshell: it sets what it likes.
still_dealt_with() {
  for cell in $dealt_with; do
    { [ "$cell" != "${running_cell-}" ] && read_cell "$run_dir" "$cell" && [ "$cell_state" = pending ]; } || printf ' %s' "$cell"
  done
}

# is_taken CELL: it runs, or has begun. Its state may not say so in the first instant.
is_taken() { [ "$1" = "${running_cell-}" ] || { read_cell "$run_dir" "$1" && has_begun "$run_dir"; }; }

# judge_next: prints `WHY|CELLS`, both empty when the edit can be taken up. For a subshell: it sets what it likes.
judge_next() {
  case $next_spec$next_code in *[!A-Za-z0-9._-]*) next_spec='' ;; esac
  case $next_spec,$next_code in
    spec-?*,code-?*) ;;
    *) printf 'state/next.json names no spec and code|' && return ;;
  esac
  next_spec=$own_disk/$next_spec
  { [ -d "$next_spec" ] && [ -d "$own_disk/$next_code" ]; } || { printf 'its folders are not here|' && return; }
  now_queued=$queue
  read_limits "$next_spec" || { printf 'limits:%s|' "$limits_fault" && return; }
  read_queue "$next_spec" || { printf 'its queue cannot be read|' && return; }
  { [ -z "$queue_faults" ] && [ -n "$queue" ]; } || { printf 'queue: %s|' "${queue_faults:-it names no cell}" && return; }
  begun=''
  for cell in $now_queued $queue; do
    is_taken "$cell" || continue
    case " $queue " in
      *" $cell "*)
        if [ "$cell" = "${running_cell-}" ]; then
          cell_hash "$work_spec" "$cell"
          recorded_sha256=$config_sha256 recorded_inputs_sha256=${inputs_sha256:-null}
        fi
        cell_hash "$next_spec" "$cell"
        is_same_cell && continue
        ;;
    esac
    case " $begun " in *" $cell "*) ;; *) begun="$begun${begun:+ }$cell" ;; esac
  done
  printf '%s|%s' "${begun:+cells that have begun would be changed or dropped}" "$begun"
}

refuse_next() {
  say "an edit was not taken up: $1${2:+ ($2)}"
  _cells=''
  for _name in $2; do _cells="$_cells,\"$_name\""; done
  replace_durably "$run_dir/state/refused.json" \
    "$(printf '{"at":"%s","spec":%s,"why":%s,"cells":[%s]}' "$(now)" "$(json_string "$next_spec")" "$(json_string "$1")" "${_cells#,}")" || return 0
  rm -f "$run_dir/state/taken.json" 2>/dev/null
}

# show_roster: gives every cell of the queue that has not begun a state, so that readers see the whole roster, and says of
# those that were dropped from it that they never run. For a subshell. Lost in a crash, it is written again.
show_roster() {
  no_verdict
  retries=0 pid='' payload_ticks='' wrapper_ticks='' kills='' own_spec='' own_code='' queue_epoch=$epoch
  for cell in $queue; do
    [ "$cell" != "${running_cell-}" ] || continue
    cell_hash "$spec_dir" "$cell"
    if [ -e "$run_dir/state/cells/$cell.json" ] && glance_at_cell "$run_dir" "$cell"; then
      case $cell_state in removed | pending | failed) read_cell "$run_dir" "$cell" || : ;; esac
      case $cell_state in
        removed) ;;
        # One that failed before it wrote a file waits again once it is something else.
        pending | failed)
          [ "$recorded_sha256/$recorded_code_sha256" != "${config_sha256:-null}/${code_sha256:-null}" ] || continue
          ! has_begun "$run_dir" || continue
          ;;
        *) continue ;;
      esac
    fi
    write_unbegun pending || return 1
  done
  for _file in "$run_dir"/state/cells/*.json; do
    cell=${_file##*/}
    cell=${cell%.json}
    valid_cell_name "$cell" || continue
    case " $queue " in *" $cell "*) continue ;; esac
    { read_cell "$run_dir" "$cell" && [ "$cell_state" != removed ]; } || continue
    ! has_begun "$run_dir" || continue
    cell_hash "$spec_dir" "$cell"
    config_sha256=${recorded_sha256#null}
    say "cell $cell was taken out of the roster before it began; it never runs"
    write_unbegun removed || return 1
  done
}

write_unbegun() {
  epoch='' attempt=0 wrapper_pid=''
  write_cell "$run_dir" quickly "$1" '' '' '' '' || return 1
  epoch=$queue_epoch
}
