# Opens records of commands. The loop is sent this before the first such request, and does not contain it
# otherwise.
#
# ops_jr the run and the attempt whose record is open
# ops_jh the state of a new record: `+`, or `-` once one could not be opened
# ops_um the umask, once it was needed

# Sets ops_me.
ops_id() {
  { IFS= read -r ops_t <"/proc/$$/stat"; } 2>/dev/null || ops_t=;
  set -- ${ops_t##*\) };
  ops_me="$$ ${20:-0}";
};

# Prints the umask. Makes the directory $1 of the records if it is missing, and otherwise removes the oldest
# record if there are a hundred without the new one of run $2. One process.
ops_room() {
  umask;
  umask 077;
  if ! [ -d "$1" ]; then exec mkdir -p -- "$1"; fi;
  ops_x=$1/$2;
  set -- "$1"/*."$ops_u".*;
  if [ $# -gt 99 ] && [ "${1%."$ops_u".*}" != "$ops_x" ]; then exec rm -f -- "$1"; fi;
};

# Empties ops_y if the state directory is one that anybody could have made first, and is not ours, or if the
# directory of the records is a link.
ops_ours() {
  case ${ops_state##*/} in
    ops-[0-9]*) if ! [ -O "$ops_state" ] || [ -h "$ops_state" ]; then ops_y=; fi;;
  esac;
  if [ -h "$ops_state/runs" ]; then ops_y=; fi;
};

# Opens the record of run $1 and attempt $2 for this loop. Nothing is made or removed in a directory that is
# not ours. If a later attempt has one, the client of this loop was taken for dead, and must change nothing
# any more.
ops_open() {
  ops_jr=;
  ops_j=runs/$1.$ops_u.$2;
  ops_y=$ops_state/$ops_j;
  ops_x=;
  case $ops_me in '') ops_id;; esac;
  if [ -e "$ops_state" ] || [ -h "$ops_state" ]; then ops_ours; fi;
  if [ -n "$ops_y" ] && ! [ -s "$ops_y" ]; then
    case $ops_um in '') ops_um=$(ops_room "$ops_state/runs" "$1" 2>/dev/null);; esac;
    ops_x=-;
    if ! [ -e "$ops_y" ]; then ops_x=$ops_jh; fi;
    ops_x="records 1 $ops_x$ops_l";
    case $ops_um in ?*) umask 077;; esac;
  fi;
  ops_ours;
  if { command printf '%sloop %s\n' "$ops_x" "$ops_me" >>"$ops_y"; } 2>/dev/null; then
    ops_jr="$1 $2";
  else
    if [ -e "$ops_y" ]; then { command printf 'records 1 -\n' 1<>"$ops_y"; } 2>/dev/null; fi;
    ops_j=;
    ops_jh=-;
  fi;
  case $ops_um in ?*) umask "$ops_um";; esac;
  case $ops_j in '') ops_um=;; esac;
  for ops_x in "$ops_state/runs/$1.$ops_u."*; do
    case ${ops_x##*.} in *[!0-9]*) ;; *) if [ "${ops_x##*.}" -gt "$2" ]; then ops_end; fi;; esac;
  done;
};
