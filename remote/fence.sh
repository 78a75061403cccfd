#!/bin/sh
# Takes the writer lock of a run whose machine is gone, and lets it go again: whatever comes back finds a higher epoch and
# ends, and readers on other machines see that nobody writes.
#   fence.sh RUN_DIR OBSERVE_SECONDS
# Exit: 0 no writer lives and none of before can go on, 30 the tier does not take it, 40 usage, 50 somebody writes.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/processes.sh"
. "$here/lib/measure.sh"
. "$here/lib/lock.sh"

[ $# -eq 2 ] || usage_error 'usage: fence.sh RUN_DIR OBSERVE_SECONDS'
run_dir=$(CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || usage_error "there is no run directory $1"
case $2 in '' | *[!0-9]*) usage_error "OBSERVE_SECONDS must be a number of seconds, not \"$2\"" ;; esac

# Nobody ever wrote: there is nobody to keep away.
[ -d "$run_dir/lock" ] || exit 0
take_lock "$run_dir" "$2"
case $? in
  0) ;;
  1) complain "$refusal"; exit 50 ;;
  *) complain "$refusal"; exit 30 ;;
esac
release_lock "$run_dir" || exit 30
say "epoch $epoch is nobody's; no writer of before can go on"
