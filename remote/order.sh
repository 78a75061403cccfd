#!/bin/sh
# What a person wants done with cells of a run: handed to the queue while it lives, carried out here while none does.
#   order.sh RUN_DIR SPEC_DIR ORDER GRACE_SECONDS CELL...
# ORDER: cancel (a running cell gets TERM and GRACE_SECONDS for its checkpoint), retry (go on from the newest checkpoint), fresh
# (from the beginning; what is there is kept as CELL.kept-N), aside (as fresh, and wait until an edit changes the cell).
# Prints {"how":"handed|done","cells":[{"cell":NAME,"outcome":TEXT},...]}: handed orders wait in state/orders until the queue has
# carried them out. Exit: 0, 30 the tier does not take it, 40 usage, 50 the writer lock is held by what takes no orders.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/lock.sh"
. "$here/lib/cells.sh"
. "$here/lib/measure.sh"
. "$here/lib/payload.sh"
. "$here/lib/evidence.sh"
. "$here/lib/orders.sh"

usage='usage: order.sh RUN_DIR SPEC_DIR cancel|retry|fresh|aside GRACE_SECONDS CELL...'
[ $# -ge 5 ] || usage_error "$usage"
run_dir=$(CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || usage_error "there is no run directory $1"
spec_dir=${2%/} order=$3 grace=$4
shift 4
case $order in cancel | retry | fresh | aside) ;; *) usage_error "$usage" ;; esac
case $grace in '' | *[!0-9]* | 0?* | ??????????*) usage_error "GRACE_SECONDS must be a number of seconds, not \"$grace\"" ;; esac
for cell in "$@"; do valid_cell_name "$cell" || usage_error "\"$cell\" is not a cell name"; done
name_the_run
mkdir -p "$run_dir/state/orders" "$run_dir/state/cells" 2>/dev/null || { complain "$run_dir cannot be written"; exit 30; }

outcomes=''
add_outcome() { outcomes="$outcomes,{\"cell\":\"$1\",\"outcome\":$(json_string "$2")}"; }

hand_over() {
  for cell in "$@"; do
    replace_durably "$run_dir/state/orders/$cell.json" "{\"order\":\"$order\",\"at\":\"$(now)\",\"graceSeconds\":$grace}" || exit 30
    add_outcome "$cell" 'handed to the queue'
  done
  printf '{"how":"handed","cells":[%s]}\n' "${outcomes#,}"
}

# As the writer of the run, for a moment: a queue that starts meanwhile is refused or waits its turn.
carry_out_here() {
  take_lock "$run_dir" 11 >/dev/null
  case $? in
    0) ;;
    1)
      complain "$refusal"
      exit 50
      ;;
    *)
      complain "$refusal"
      exit 30
      ;;
  esac
  for cell in "$@"; do
    _said=$(carry_out "$cell" "$order" && printf '%s' "$outcome") || {
      release_lock "$run_dir"
      complain "$run_dir does not take what is written to it"
      exit 30
    }
    rm -f "$run_dir/state/orders/$cell.json" 2>/dev/null
    add_outcome "$cell" "$_said"
  done
  release_lock "$run_dir"
  printf '{"how":"done","cells":[%s]}\n' "${outcomes#,}"
}

owner_is=none
if [ -d "$run_dir/lock" ]; then
  highest_epoch "$run_dir" || { complain 'the writer lock cannot be read'; exit 50; }
  owner_state
fi
if [ "$owner_is" = alive ]; then
  hand_over "$@"
  exit 0
fi
payload_processes "$run_dir"
[ -z "$found" ] || { complain "processes of a queue that was killed still work:$found"; exit 50; }
carry_out_here "$@"
