# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced by run_queue.sh and order.sh: what a person wants done with one cell. Needs files.sh, cells.sh, evidence.sh and processes.sh.
#
# state/orders/CELL.json: {"order":"cancel|retry|fresh|aside","at":TIME,"graceSeconds":N}. Only who holds the writer lock carries an
# order out: the queue while it lives, order.sh otherwise.

# carry_out CELL ORDER -> $outcome, a word for people. Fails when the tier does not take it. For a subshell: it sets what it likes.
carry_out() {
  no_verdict
  retries=0
  cell=$1 outcome='is done'
  read_cell "$run_dir" "$cell" || cell_state=${cell_state:-pending}
  case $2/$cell_state in
    cancel/pending) cancel_unbegun ;;
    cancel/running) replace_durably "$run_dir/state/cells/$cell.json" "$(end_record "$cell_json" cancelled request)" ;;
    # Said to run although nothing of it lives: its queue or its machine went.
    retry/failed | retry/cancelled | retry/running) make_pending ;;
    fresh/failed | fresh/cancelled | fresh/complete) set_aside '' ;;
    # What began becomes something else with the next edit; until then it waits.
    aside/failed | aside/cancelled | aside/complete) set_aside edit ;;
    retry/pending | fresh/pending)
      if [ "$cell_cause" = edit ]; then make_pending; else outcome='not done: the cell is pending'; fi
      ;;
    *) outcome="not done: the cell is $cell_state" ;;
  esac
}

cancel_unbegun() {
  if [ -n "$cell_json" ]; then
    replace_durably "$run_dir/state/cells/$cell.json" "$(end_record "$cell_json" cancelled request)"
    return
  fi
  pid='' payload_ticks='' wrapper_pid='' wrapper_ticks='' kills='' own_spec='' own_code=''
  cell_hash "$spec_dir" "$cell"
  write_cell "$run_dir" durably cancelled '' request '' "$(now)"
}

# The marker says that nothing is left to run.
reopen() {
  rm -f "$run_dir/state/closed.json" 2>/dev/null
  sync_directory "$run_dir/state"
}

make_pending() {
  reopen && replace_durably "$run_dir/state/cells/$cell.json" "$(end_record "$cell_json" pending '' | sed -e 's/"retries":[0-9]*/"retries":0/')"
}

# set_aside CAUSE: folder, log and state of the cell get .kept-N behind their name, and the cell has none. In this order, because one
# that was cut short is done again and nothing may be lost or claimed twice.
set_aside() {
  _n=1
  while [ -e "$run_dir/cells/$cell.kept-$_n" ] || [ -e "$run_dir/logs/$cell.kept-$_n.log" ]; do _n=$((_n + 1)); done
  _aside=$cell.kept-$_n
  outcome="kept as $_aside"
  reopen || return 1
  if [ -d "$run_dir/cells/$cell" ]; then
    replace_durably "$run_dir/state/cells/$_aside.json" "$(printf '%s' "$cell_json" | sed -e "s/\"cell\":\"[^\"]*\"/\"cell\":\"$_aside\"/" -e "s/\"state\":\"[a-z]*\"/\"state\":\"kept\"/")" &&
      mv -T "$run_dir/cells/$cell" "$run_dir/cells/$_aside" && sync_directory "$run_dir/cells" || return 1
  else
    outcome='there was nothing to keep'
  fi
  if [ -e "$run_dir/logs/$cell.log" ]; then mv "$run_dir/logs/$cell.log" "$run_dir/logs/$_aside.log" && sync_directory "$run_dir/logs" || return 1; fi
  rm -rf "$own_disk/scratch/${run_dir##*/}/$cell" 2>/dev/null
  cell_hash "$spec_dir" "$cell"
  _queue_epoch=$epoch
  epoch='' attempt=0 pid='' payload_ticks='' wrapper_pid='' wrapper_ticks='' kills='' own_spec='' own_code=''
  write_cell "$run_dir" durably pending '' "$1" '' ''
  _written=$?
  epoch=$_queue_epoch
  return "$_written"
}

# heed_orders: every order that waits; one for the cell that runs ($running_cell) ends its attempt and stays until that has ended.
heed_orders() {
  for _file in "$run_dir"/state/orders/*.json; do
    [ -e "$_file" ] || return 0
    ordered=${_file##*/}
    ordered=${ordered%.json}
    if ! valid_cell_name "$ordered" || ! json_line "$_file" || ! json_field "$content" order; then
      say "an order that is none was put aside: ${_file##*/}"
      rm -f "$_file"
      continue
    fi
    order=$field
    if [ "$ordered" = "${running_cell-}" ]; then
      if [ "$order" = cancel ]; then
        [ "${cancelled_cell-}" = "$ordered" ] || say "cell $ordered is cancelled on request"
        cancelled_cell=$ordered
        continue
      fi
      say "$order of cell $ordered: not done, it is running"
    else
      _said=$(carry_out "$ordered" "$order" && printf '%s' "$outcome") || { say "$order of cell $ordered cannot be written yet" && continue; }
      say "$order of cell $ordered: $_said"
      case $order in retry | fresh | aside) forget_dealt_with "$ordered" ;; esac
    fi
    rm -f "$_file" 2>/dev/null
  done
}

forget_dealt_with() {
  _left=''
  for _name in $dealt_with; do [ "$_name" = "$1" ] || _left="$_left $_name"; done
  dealt_with=$_left
}

# cancel_cause -> $cause of $cell that is being stopped: a person's wish for this cell or the whole run is not undone by a restart.
cancel_cause() {
  cause=''
  if json_line "$run_dir/state/orders/$cell.json" && json_field "$content" order && [ "$field" = cancel ]; then cause=request; fi
  if json_line "$run_dir/state/stop.json" && json_field "$content" cells && [ "$field" = cancel ]; then cause=request; fi
}
