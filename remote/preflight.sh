#!/bin/sh
# Whether a job may start here. One line per check: `ok <check> <detail>` or `refuse <check> <gotcha-id> <detail>`.
#   preflight.sh MOUNT RUN_DIR MIN_BYTES MIN_INODES GPU_COUNT PYTHON [MIN_MEMORY_BYTES]
# An empty or zero minimum asks for nothing; an empty PYTHON means that the job needs none. Leaves nothing behind.
# Exit: 0 all checks are ok, 3 at least one refuses, 40 usage.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 40
. "$here/lib/files.sh"
. "$here/lib/measure.sh"

[ $# -eq 6 ] || [ $# -eq 7 ] || usage_error 'usage: preflight.sh MOUNT RUN_DIR MIN_BYTES MIN_INODES GPU_COUNT PYTHON [MIN_MEMORY_BYTES]'
mount=$1 run_dir=$2 min_bytes=${3:-0} min_inodes=${4:-0} gpu_count=${5:-0} python=$6 min_memory=${7:-0}
for number in "$min_bytes" "$min_inodes" "$gpu_count" "$min_memory"; do
  case $number in *[!0-9]* | ???????????????????*) usage_error "\"$number\" is not a number" ;; esac
done
code=0

ok() { printf 'ok %s %s\n' "$1" "$2"; }

refuse() {
  printf 'refuse %s %s %s\n' "$1" "$2" "$3"
  code=3
}

# probe_writing DIR: what a checkpoint needs of a folder: create, flush, rename, read back. $why says what failed.
probe_writing() {
  _probe=$1/.holdfast-probe.$$.tmp
  why='' _said=''
  if ! mkdir "$_probe" 2>/dev/null; then why='a folder cannot be created'
  elif ! { date >"$_probe/new.tmp"; } 2>/dev/null; then why='a file cannot be written'
  elif ! _said=$(sync_file "$_probe/new.tmp" 2>&1); then why="a file cannot be flushed: $_said"
  elif ! mv "$_probe/new.tmp" "$_probe/new" 2>/dev/null; then why='a file cannot be renamed'
  elif ! _said=$(sync_directory "$_probe" 2>&1); then why="a folder cannot be flushed: $_said"
  elif [ ! -s "$_probe/new" ]; then why='what was written is not read back'
  # The writer lock stands on this: a folder does not replace another that holds something.
  elif ! mkdir "$_probe/taken" || ! cp "$_probe/new" "$_probe/taken/new" || mv -T "$_probe/taken" "$_probe" 2>/dev/null; then why='renaming onto a folder in use is not refused'
  fi
  rm -rf "$_probe" 2>/dev/null
  [ -z "$why" ]
}

check_mount() {
  if [ ! -d "$mount" ]; then
    refuse mount LAM2 "$mount does not exist: the durable storage was not attached at launch"
  elif ! is_mount_point "$mount" && [ "$(stat -c %d -- "$mount")" = "$(stat -c %d /)" ]; then
    refuse mount LAM2 "$mount is a folder of the instance's own disk, nothing is mounted there"
  elif ! runs_below_mount; then
    refuse mount LAM1 "$run_dir is not below $mount, so checkpoints would lie on a disk that goes with the instance"
  elif ! probe_writing "$mount" || { [ -d "$run_dir" ] && ! probe_writing "$run_dir"; }; then
    refuse mount U33 "$mount: $why"
  else
    ok mount "$mount on $(stat -f -c %T -- "$mount"), written, flushed, renamed"
  fi
}

runs_below_mount() {
  case $run_dir/ in */../* | */./*) return 1 ;; "${mount%/}"/?*) return 0 ;; *) return 1 ;; esac
}

check_space() {
  if ! measure_disk "$mount"; then
    refuse bytes U6 "the free space of $mount cannot be read"
    return
  fi
  if is_below "$bytes_free" "$min_bytes"; then
    refuse bytes U6 "$bytes_free bytes are free on $mount, the job needs $min_bytes"
  else
    ok bytes "$bytes_free of $bytes_total free"
  fi
  if is_below "$inodes_free" "$min_inodes"; then
    refuse inodes U7 "$inodes_free inodes are free on $mount, the job needs $min_inodes"
  else
    ok inodes "$inodes_free free"
  fi
}

check_memory() {
  measure_memory
  if is_below "$memory_limit" "$min_memory"; then
    refuse memory U9 "$memory_limit bytes may be used here, the job needs $min_memory"
  else
    ok memory "$memory_limit bytes may be used, $memory_used are"
  fi
}

# Everything that the other scripts call; sha256sum stands for coreutils, find and xargs are a package of their own.
check_programs() {
  missing=''
  for program in setsid sha256sum stat find xargs sort awk grep sed od tr timeout; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
  done
  if [ -n "$missing" ]; then refuse programs U29 "not installed:$missing"; else ok programs 'all found'; fi
  if command -v rsync >/dev/null 2>&1; then ok rsync "$(rsync --version 2>/dev/null | head -n 1)"; else refuse rsync GEN3 'not installed, and nothing else resumes a pull'; fi
  if command -v tmux >/dev/null 2>&1; then ok tmux "$(tmux -V 2>/dev/null)"; else refuse tmux GEN2 'not installed: the run would end with the connection'; fi
}

check_python() {
  if [ -z "$python" ]; then
    ok python 'none needed'
  elif _said=$("$python" -c 'import platform; print(platform.python_version())' 2>&1 </dev/null); then
    ok python "$python is $_said"
  else
    refuse python U29 "$python does not run: $(printf '%s' "$_said" | tail -n 1)"
  fi
}

# Makes a context on every device, which fails on a GPU that nvidia-smi still lists. torch's own view counts when the
# image has it, because the job will use that; else the driver is asked.
cuda_program='
import ctypes, sys
wanted = int(sys.argv[1])
try:
    import torch
except ImportError:
    torch = None
if torch is not None and torch.version.cuda:
    count = torch.cuda.device_count()
    for i in range(count):
        torch.zeros(1, device="cuda:%d" % i).add_(1).item()
    how = "torch %s, CUDA %s" % (torch.__version__, torch.version.cuda)
else:
    cuda = ctypes.CDLL("libcuda.so.1")
    def call(name, *args):
        code = getattr(cuda, name)(*args)
        if code: sys.exit("%s answers with error %d" % (name, code))
    number = ctypes.c_int()
    call("cuInit", 0)
    call("cuDeviceGetCount", ctypes.byref(number))
    count = number.value
    how = "CUDA driver"
    if torch is not None:
        sys.exit("the installed torch %s was built without CUDA" % torch.__version__)
if count < wanted:
    sys.exit("%s sees %d GPUs, the job needs %d" % (how, count, wanted))
print("%d seen by %s" % (count, how))
'

check_gpu() {
  [ "$gpu_count" != 0 ] || { ok gpu 'none needed'; return; }
  if ! command -v nvidia-smi >/dev/null 2>&1; then
    refuse gpu U31 'there is no nvidia-smi: no GPU is attached, or no driver is installed'
  elif ! _listed=$(timeout 60 nvidia-smi -L 2>&1); then
    refuse gpu U22 "nvidia-smi fails or hangs: $(printf '%s' "$_listed" | tail -n 1)"
  elif [ "$(printf '%s\n' "$_listed" | grep -c '^GPU ')" -lt "$gpu_count" ]; then
    refuse gpu U31 "$(printf '%s\n' "$_listed" | grep -c '^GPU ') GPUs are attached, the job needs $gpu_count"
  elif [ -z "$python" ]; then
    refuse gpu U28 'a CUDA call cannot be tried without a python'
  elif _said=$(timeout 180 "$python" -c "$cuda_program" "$gpu_count" 2>&1 </dev/null); then
    ok gpu "$_said"
  else
    refuse gpu U28 "a CUDA call fails: $(printf '%s' "$_said" | tail -n 1)"
  fi
}

check_mount
check_space
check_memory
check_programs
check_python
check_gpu
exit "$code"
