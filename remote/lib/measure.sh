# shellcheck shell=sh disable=SC2034,SC2154  # variables are shared with the scripts that source this
# Sourced: what the machine has left. Memory and processors are those of the cgroup, not of the host that is shared with others.

# measure_disk DIR -> $bytes_free, $bytes_total, $inodes_free (null where the file system has no such limit).
measure_disk() {
  _disk=$(stat -f -c '%a %S %d %c %b' -- "$1" 2>/dev/null | awk '{ printf "%.0f %.0f %s\n", $1 * $2, $5 * $2, $4 == 0 ? "null" : $3 }')
  [ -n "$_disk" ] || return 1
  bytes_free=${_disk%% *}
  _disk=${_disk#* }
  bytes_total=${_disk%% *}
  inodes_free=${_disk#* }
}

# is_below NUMBER FLOOR: numbers of more than 18 digits stand for "without limit" and would overflow the shell's arithmetic.
is_below() {
  [ "$1" != null ] && [ "${#1}" -le 18 ] && [ "$1" -lt "$2" ]
}

# is_mount_point DIR: as the kernel lists them, so that bind mounts of the same device count. The root does not.
is_mount_point() {
  _place=$(CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || return 1
  [ "$_place" != / ] || return 1
  # The fifth field is the mount point, with blanks in octal.
  _place=$(printf '%s' "$_place" | sed -e 's/\\/\\134/g' -e 's/ /\\040/g' -e "s/$tab/\\\\011/g")
  while read -r _ _ _ _ _point _; do
    [ "$_point" != "$_place" ] || return 0
  done </proc/self/mountinfo
  return 1
}

# Where the kernel shows cgroups, and ours among them.
cgroup_root=/sys/fs/cgroup cgroup_of_self=/proc/self/cgroup

# cgroup_files NAME_V2 CONTROLLER_V1 NAME_V1: prints "PATH" lines of that file in our cgroup and its ancestors.
cgroup_files() {
  while IFS=: read -r _ _controllers _group; do
    case ",$_controllers," in
      ,,) _root=$cgroup_root _name=$1 ;;
      *",$2,"*) _root=$cgroup_root/$2 _name=$3 ;;
      *) continue ;;
    esac
    # In a container the path may be the host's; the limit then stands at the root of what is mounted.
    while :; do
      [ ! -r "$_root${_group%/}/$_name" ] || printf '%s\n' "$_root${_group%/}/$_name"
      case $_group in ?*/*) _group=${_group%/*} ;; /?*) _group=/ ;; *) break ;; esac
    done
  done <"$cgroup_of_self"
}

# measure_memory -> $memory_limit, $memory_used in bytes: the tightest limit that holds, and the use counted against it.
measure_memory() {
  _total=0 _available=0
  while read -r _key _value _; do
    case $_key in
      MemTotal:) _total=$((_value * 1024)) ;;
      MemAvailable:) _available=$((_value * 1024)) ;;
    esac
  done </proc/meminfo
  memory_limit=$_total memory_used=$((_total - _available))
  for _file in $(cgroup_files memory.max memory memory.limit_in_bytes); do
    { read -r _value; } 2>/dev/null <"$_file" || continue
    case $_value in '' | *[!0-9]*) continue ;; esac
    is_below "$_value" "$memory_limit" || continue
    memory_limit=$_value
    for _usage in "${_file%/*}/memory.current" "${_file%/*}/memory.usage_in_bytes"; do
      { read -r memory_used; } 2>/dev/null <"$_usage" && break
    done
  done
}

# oom_kills -> $oom_kills: how often the kernel killed for memory in our cgroup; empty where it does not count.
oom_kills() {
  oom_kills=''
  for _file in $(cgroup_files memory.events memory memory.oom_control); do
    while read -r _key _value; do
      [ "$_key" != oom_kill ] || oom_kills=$((${oom_kills:-0} + _value))
    done 2>/dev/null <"$_file"
    # Counters of ancestors include ours and those of others.
    [ -z "$oom_kills" ] || return 0
  done
}

# processors: prints how many this cgroup may use at once, rounded up: its set of processors, as nproc counts them, and its
# share of their time. Thread pools sized to the host thrash on a slice of it.
processors() {
  _count=$(nproc 2>/dev/null) || _count=1
  for _file in $(cgroup_files cpu.max cpu cpu.cfs_quota_us); do
    { read -r _quota _period; } 2>/dev/null <"$_file" || continue
    case $_file in
      *cpu.cfs_quota_us) { read -r _period; } 2>/dev/null <"${_file%/*}/cpu.cfs_period_us" || continue ;;
    esac
    case $_quota$_period in '' | *[!0-9]*) continue ;; esac
    [ "$_period" -gt 0 ] || continue
    _share=$(((_quota + _period - 1) / _period))
    [ "$_share" -ge "$_count" ] || _count=$_share
  done
  [ "$_count" -ge 1 ] || _count=1
  printf '%s\n' "$_count"
}

# gpus_json: prints an array with one object per GPU, or null where there is no nvidia-smi or it does not answer.
gpus_json() {
  _gpus=null
  # A GPU that fell off the bus makes nvidia-smi hang.
  if command -v nvidia-smi >/dev/null 2>&1 && _rows=$(timeout 10 nvidia-smi --query-gpu=index,name,utilization.gpu,memory.used,memory.total,temperature.gpu --format=csv,noheader,nounits 2>/dev/null); then
    _gpus=$(
      printf '%s\n' "$_rows" | while IFS=, read -r _index _name _busy _used _size _celsius; do
        printf '{"index":%s,"name":%s' "$(plain_number "$_index")" "$(json_string "${_name# }")"
        printf ',"utilizationPercent":%s,"memoryUsedMiB":%s' "$(plain_number "$_busy")" "$(plain_number "$_used")"
        printf ',"memoryTotalMiB":%s,"celsius":%s},' "$(plain_number "$_size")" "$(plain_number "$_celsius")"
      done
    )
    _gpus="[${_gpus%,}]"
  fi
  printf '%s' "$_gpus"
}

# nvidia-smi prints [N/A] for what a card does not report.
plain_number() {
  _plain=${1# }
  case $_plain in '' | *[!0-9]* | 0?*) printf null ;; *) printf '%s' "$_plain" ;; esac
}
