# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced: the spec and code that a cell runs from. Needs files.sh and cells.sh.
#
# Both are folders on the instance's own disk that nobody writes to once they are there. An edit of the run brings others;
# a cell that has begun goes on with those it began with. The own disk may go with the instance, so what a cell begins with is
# kept on the durable tier, in state/kept, and brought back from there by the next machine.

# choose_work -> $work_spec, $work_code for $cell, as read_cell and cell_hash found it; makes sure that they are kept. Fails
# when the cell began with something that is nowhere any more, and with 30 when the tier does not take the copy.
choose_work() {
  work_spec=$spec_dir work_code=$code_dir
  case $recorded_code_sha256 in
    '' | null | "$code_sha256") ;;
    *)
      if has_begun "$run_dir"; then
        bring_back "$recorded_code" && bring_back_spec "$recorded_spec" || return 1
        work_code=$own_disk/$recorded_code
        say "cell $cell goes on with the code that it began with ($recorded_code)"
      fi
      ;;
  esac
  keep_work || return 30
}

# The names of the folders, as the state of the cell has them.
name_work() { own_spec=${1##*/} own_spec=${own_spec%.kept} own_code=${2##*/}; }

keep_work() {
  name_work "$work_spec" "$work_code"
  _kept=$run_dir/state/kept
  mkdir -p "$_kept" 2>/dev/null || return 1
  [ -d "$_kept/$own_code" ] || copy_tree "$work_code" "$_kept/$own_code" || return 1
  [ -d "$_kept/$own_spec" ] || copy_tree "$work_spec" "$_kept/$own_spec" --exclude=/cells --exclude=/queue || return 1
  mkdir -p "$_kept/$own_spec/cells" 2>/dev/null || return 1
  [ -d "$_kept/$own_spec/cells/$cell" ] || copy_tree "$work_spec/cells/$cell" "$_kept/$own_spec/cells/$cell"
}

# bring_back CODE: the code folder of that name on the own disk.
bring_back() {
  case $1 in '' | null | */*) return 1 ;; esac
  [ ! -d "$own_disk/$1" ] || return 0
  [ -d "$run_dir/state/kept/$1" ] && copy_tree "$run_dir/state/kept/$1" "$own_disk/$1" || return 1
  # The names of what was pushed: whatever else appears there is the payload's.
  (CDPATH='' cd -- "$own_disk/$1" && find . ! -type d) >"$own_disk/$1.list"
}

# bring_back_spec SPEC -> $work_spec. A copy holds the cells that began with it and no queue, so it has a name of its own.
bring_back_spec() {
  case $1 in '' | null | */*) return 1 ;; esac
  work_spec=$own_disk/$1
  [ ! -d "$work_spec/cells/$cell" ] || return 0
  work_spec=$own_disk/$1.kept
  [ -d "$work_spec" ] || copy_tree "$run_dir/state/kept/$1" "$work_spec" --exclude=/cells || return 1
  mkdir -p "$work_spec/cells" 2>/dev/null || return 1
  [ -d "$work_spec/cells/$cell" ] || copy_tree "$run_dir/state/kept/$1/cells/$cell" "$work_spec/cells/$cell"
}

# copy_tree FROM TO [RSYNC-OPTION...]: TO appears whole or not at all. Of a pushed code folder only what was pushed.
copy_tree() {
  _from=$1 _to=$2
  shift 2
  [ -d "$_from" ] || return 1
  _partial=$_to.partial.$$
  if [ -f "$_from.list" ]; then set -- "$@" "--files-from=$_from.list"; fi
  if mkdir -p "$_partial" 2>/dev/null && rsync -rlpt "$@" "$_from/" "$_partial/" &&
    sync_files_below "$_partial" 2>/dev/null && mv -T "$_partial" "$_to" 2>/dev/null; then
    sync_directory "${_to%/*}"
    return 0
  fi
  rm -rf "$_partial"
  # Somebody else may have put it there meanwhile; its name says what it holds.
  [ -d "$_to" ]
}
