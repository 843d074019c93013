# The hello: reports what the host is, with as few processes as possible.

ops_h=; ops_u=;
ops_a() { ops_h="$ops_h$1 $2$ops_l"; };
printf '%s 0 H 1\n' "$ops_n";
printf '%s 0 H 1\n' "$ops_n" >&2;
if [ -r /proc/self/status ]; then
  while read -r ops_x ops_y ops_u ops_t; do
    case $ops_x in Uid:) break;; esac;
  done </proc/self/status;
else
  ops_u=$(id -u);
fi;
ops_a uid "$ops_u";
# The id of this process, in case the connection is lost: see end_loop.sh.
ops_a loop $$;
case $ops_u in 0) ops_a user root;; *) ops_a user "$(id -un 2>/dev/null)";; esac;
for ops_f in /etc/os-release /usr/lib/os-release; do
  if [ -r "$ops_f" ]; then
    while IFS= read -r ops_x || [ -n "$ops_x" ]; do
      case $ops_x in ID=*|ID_LIKE=*|VERSION_ID=*|VERSION_CODENAME=*|PRETTY_NAME=*) ops_a os "$ops_x";; esac;
    done <"$ops_f";
    break;
  fi;
done;
if [ -r /proc/sys/kernel/arch ]; then
  ops_x=;
  for ops_f in ostype hostname osrelease arch; do
    read -r ops_t <"/proc/sys/kernel/$ops_f";
    ops_x="$ops_x $ops_t";
  done;
  ops_a uname "$ops_x";
else
  ops_a uname "$(uname -s -n -r -m)";
fi;
if [ -d /run/systemd/system ]; then
  ops_a init systemd;
elif [ -d /run/openrc ]; then
  ops_a init openrc;
else
  ops_x=; { read -r ops_x </proc/1/comm; } 2>/dev/null;
  ops_a init "$ops_x";
fi;
ops_x=; { read -r ops_x </run/systemd/container; } 2>/dev/null;
if [ -n "$ops_x" ]; then :;
elif [ -e /.dockerenv ]; then ops_x=docker;
elif [ -e /run/.containerenv ]; then ops_x=podman;
fi;
if [ -n "$ops_x" ]; then
  ops_a container "$ops_x";
else
  for ops_x in sys_vendor product_name; do
    if { read -r ops_t <"/sys/class/dmi/id/$ops_x"; } 2>/dev/null; then ops_a "$ops_x" "$ops_t"; fi;
  done;
fi;
for ops_x in apt-get dnf yum zypper apk pacman pkg; do
  if command -v "$ops_x" >/dev/null 2>&1; then ops_a pkg "$ops_x"; break; fi;
done;
if { read -r ops_y ops_x ops_t </proc/meminfo; } 2>/dev/null; then ops_a mem "$ops_x"; fi;
if { read -r ops_x </sys/devices/system/cpu/online; } 2>/dev/null; then
  ops_a cpus "$ops_x";
else
  ops_a cores "$(nproc 2>/dev/null)";
fi;
case $ops_state in
  '')
    case $ops_u in
      0) ops_state=/var/lib/ops;;
      *)
        ops_state=${XDG_STATE_HOME:-${HOME:-/tmp}/.local/state}/ops;
        ops_x=$ops_state;
        while [ -n "$ops_x" ] && ! [ -e "$ops_x" ]; do ops_x=${ops_x%/*}; done;
        if ! [ -w "${ops_x:-/}" ] || ! [ -x "${ops_x:-/}" ]; then
          ops_x=/var/tmp/ops-$ops_u;
          if [ -O "$ops_x" ] && [ -d "$ops_x" ] && ! [ -h "$ops_x" ]; then
            ops_state=$ops_x;
          elif ! [ -e "$ops_x" ] && ! [ -h "$ops_x" ]; then
            ops_state=$ops_x;
          fi;
        fi;;
    esac;;
esac;
# A state directory that several users share: each uses a subdirectory.
ops_all=;
if [ -k "$ops_state" ]; then ops_all=${ops_state%/}; ops_state=$ops_all/ops-$ops_u; fi;
if command -v setsid >/dev/null 2>&1; then ops_a can setsid; fi;
printf '%sstate %s\n%s 0 h\n' "$ops_h" "$ops_state" "$ops_n";
printf '%s 0 h\n' "$ops_n" >&2;
unset ops_h ops_y; unset -f ops_a;
