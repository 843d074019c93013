# The loop: reads messages, starts requests in the background and continues to read, so that a message can
# end them and the end of the stream ends everything.
#
# ops_k  the process at the root of the running request, ops_i its number
# ops_fs the bodies of the request, quoted; ops_f the last of them
# ops_q  the exit status of the guard of the bodies
# ops_also what separate shells get in addition to steps.sh
# ops_jk whether commands of the request are recorded: see record_loop.sh
# ops_u  the number of the user

# Copies exactly $1 bytes to stdout; byte by byte if dd cannot wait for a whole block (ops_d is 0): a read
# of a pipe may return fewer bytes.
ops_dd() {
  case $ops_d in
    1) dd bs="$1" count=1 iflag=fullblock 2>/dev/null;;
    *) dd bs=1 count="$1" 2>/dev/null;;
  esac;
};

# Finds the processes of the request that are alive: its root, the processes in the root's session, and the
# descendants of those. Sets ops_t to their ids, and ops_c to their number.
ops_find() {
  ops_t=; ops_c=0;
  case $ops_k in '') return;; esac;
  if [ ! -r /proc/self/stat ]; then
    if kill -s 0 "-$ops_k" 2>/dev/null; then ops_t="-$ops_k"; ops_c=1;
    elif kill -s 0 "$ops_k" 2>/dev/null; then ops_t=$ops_k; ops_c=1; fi;
    return;
  fi;
  ops_g=1;
  while [ "$ops_g" = 1 ]; do
    ops_g=0;
    for ops_f in /proc/[0-9]*/stat; do
      { IFS= read -r ops_x <"$ops_f"; } 2>/dev/null || continue;
      ops_p=${ops_x%% *};
      case " $ops_t " in *" $ops_p "*) continue;; esac;
      set -- ${ops_x##*\) };
      case $1 in Z|X) continue;; esac;
      if [ "$ops_p" = "$ops_k" ]; then
        [ "$2" = $$ ] || continue;
      else
        case " $ops_k $ops_t " in
          *" $4 "*) ;;
          *) case " $ops_t " in *" $2 "*) ;; *) continue;; esac;;
        esac;
      fi;
      ops_t="$ops_t $ops_p"; ops_c=$((ops_c + 1)); ops_g=1;
    done;
  done;
};

# Sends signal $1 to all of them, and continues stopped ones.
ops_kill() {
  ops_find;
  case $ops_c in
    0) ;;
    *)
      # Before the signal: from here on the code of a command may not be its own.
      case $ops_jk in 1) ops_jk=; ops_jot killed "$ops_me";; esac;
      kill -s "$1" $ops_t 2>/dev/null; kill -s CONT $ops_t 2>/dev/null;;
  esac;
};

# Removes the bodies that no step has moved away.
ops_clean() {
  for ops_x in "$@"; do
    if [ -e "$ops_x" ] || [ -h "$ops_x" ]; then rm -f -- "$ops_x"; fi;
  done;
};

# The body of step $1 is invalid, for the reason $2, quoted.
ops_spoil() {
  ops_bad="$ops_bad $1";
  eval "ops_err=$2";
  ops_err="cannot read the body: $ops_err";
};

# The request is over: its bodies are removed. What it left running is no longer tracked, as after a login.
ops_over() {
  ops_k=; ops_jk=;
  eval "ops_clean $ops_fs";
  ops_fs=; ops_bad=; ops_err=; ops_also=; ops_sums=; ops_q=0;
};

# The stream has ended, or someone ends the loop: nothing of the request may remain.
ops_end() {
  trap '' TERM HUP;
  exec 9>&- >/dev/null 2>&1;
  ops_kill TERM;
  ops_y=0;
  while [ "$ops_c" != 0 ] && [ "$ops_y" -lt 100 ]; do
    case $ops_y in
      0|1|2) ops_find;;
      3) sleep 1; ops_kill KILL;;
      *) ops_kill KILL;;
    esac;
    ops_y=$((ops_y + 1));
  done;
  eval "ops_clean $ops_fs";
  exit 0;
};

# Starts request $1 of kind $2, whose program is in ops_p.
ops_go() {
  case $ops_p in *'#ops') ;; *) return;; esac;
  ops_i=$1;
  case $2 in
    o)
      ( eval "$ops_p" ) </dev/null 9>&- &
      ops_k=$!;;
    c)
      if ! command -v setsid >/dev/null 2>&1; then
        ops_m N;
        return;
      fi;
      case $ops_e in
        '')
          if env --default-signal=INT,QUIT >/dev/null 2>&1; then
            ops_e='env --default-signal=INT,QUIT';
          else
            ops_e=env;
          fi;;
      esac;
      {
        printf '%s %s\n' "$ops_n" "$1";
        printf 'ops_n=%s; ops_i=%s; ops_bad="%s"; ops_l="%s"; %s\n' "$ops_n" "$1" "$ops_bad" "$ops_l" "$ops_w $ops_also";
        printf 'ops_j="%s"; ops_me="%s"; ' "$ops_j" "$ops_me";
        printf '%s\n' 'exec 7>&1 8>&2; ops_state=$1; ops_err=$2; set --;' "$ops_p";
      } </dev/null 2>/dev/null 9>&- |
      setsid $ops_e sh -c "$ops_lead" sh "$ops_state" "$ops_err" 9>&- &
      ops_k=$!;;
  esac;
  ops_bad=; ops_err=;
};

# In a UTF-8 locale, bash takes a newline for the rest of a truncated character.
trap ops_end TERM HUP;
while LC_ALL=C IFS=' ' read -r ops_v ops_a ops_b ops_r; do
  case $ops_v in
    # A request by lines: its number, its kind, the number of lines.
    r)
      ops_p=; ops_x=$ops_r;
      while [ "$ops_x" -gt 0 ] && LC_ALL=C IFS= read -r ops_t; do
        ops_p="$ops_p$ops_l$ops_t"; ops_x=$((ops_x - 1));
      done;
      ops_go "$ops_a" "$ops_b";;
    # A request by bytes: its number, its kind, the number of bytes.
    d)
      case $ops_b$ops_d$ops_e in
        # The first one with commands: this also tests whether env supports the option that ops_go needs.
        c1)
          ops_e='env --default-signal=INT,QUIT';
          ops_p=$($ops_e dd bs="$ops_r" count=1 iflag=fullblock 2>/dev/null) || {
            ops_e=env;
            ops_p=$(dd bs="$ops_r" count=1 iflag=fullblock 2>/dev/null);
          };;
        ?1*) ops_p=$(dd bs="$ops_r" count=1 iflag=fullblock 2>/dev/null);;
        *) ops_p=$(ops_dd "$ops_r");;
      esac;
      ops_go "$ops_a" "$ops_b";;
    # A program for the loop itself, on a line of its own: read without a process.
    p)
      LC_ALL=C IFS= read -r ops_p;
      case $ops_p in *'#ops') eval "$ops_p";; esac;;
    # Commands of the next request are recorded: the run, the attempt.
    j)
      case $ops_jr in "$ops_a $ops_b") ;; *) ops_open "$ops_a" "$ops_b";; esac;
      ops_jk=1;;
    # A signal for request $ops_a; 0 only asks which processes are alive.
    k)
      ops_c=0;
      if [ "$ops_a" = "$ops_i" ]; then
        case $ops_b in
          0) ops_find;;
          *) ops_kill "$ops_b";;
        esac;
      fi;
      printf '%s %s K %s\n' "$ops_n" "$ops_a" "$ops_c";;
    # Ends relays: their process ids, verified to belong to this request.
    y)
      ops_find;
      for ops_x in $ops_b $ops_r; do
        case " $ops_t " in *" $ops_x "*) kill -s KILL "$ops_x" 2>/dev/null;; esac;
      done;;
    # The guard of the bodies that follow, quoted, on a separate line: `read` above strips blanks.
    h)
      LC_ALL=C IFS= read -r ops_t;
      eval "ops_y=$ops_t";
      ( eval "$ops_y" ) </dev/null >/dev/null 2>&1 9>&-;
      ops_q=$?;;
    # A body begins: the number of its step, then its quoted path.
    f)
      ops_y="$ops_b${ops_r:+ $ops_r}";
      eval "ops_f=$ops_y";
      ops_x=${ops_f%/*};
      if [ "$ops_q" != 0 ]; then
        :;
      elif [ -n "$ops_x" ] && [ "$ops_x" != "$ops_f" ] && [ ! -d "$ops_x" ]; then
        ops_t=$(umask 077; mkdir -p -- "$ops_x" 2>&1);
      fi;
      if [ "$ops_q" != 0 ]; then
        ops_t='the guard failed';
        ops_x=1;
      # The remains of a body whose shell was killed, or whose machine went down.
      elif case ${ops_f##*/} in .ops-*) ops_clean "$ops_f";; esac; [ -e "$ops_f" ] || [ -h "$ops_f" ]; then
        ops_t="$ops_f exists";
        ops_x=1;
      else
        ops_t=$(umask 077; set -C; { true >"$ops_f"; } 2>&1);
        ops_x=$?;
      fi;
      if [ "$ops_x" = 0 ] && command exec 9>>"$ops_f"; then
        ops_fs="$ops_fs $ops_y";
      else
        ops_bad="$ops_bad $ops_a";
        ops_err="cannot write the body: $ops_t";
        exec 9>/dev/null;
      fi;;
    # A block of it: the number of bytes.
    w)
      if [ "$ops_d" = 0 ]; then
        ops_dd "$ops_a" | { cat >&9 || { cat >/dev/null; false; }; };
      else
        ops_dd "$ops_a" >&9;
      fi || {
        ops_bad="$ops_bad $ops_b";
        ops_t=$(echo | cat 2>&1 >&9);
        ops_err="cannot write the body: ${ops_t:-a write failed}";
      };;
    # It is invalid: the number of its step, and the reason, quoted.
    b)
      ops_spoil "$ops_a" "$ops_b${ops_r:+ $ops_r}";;
    # It is complete.
    g)
      exec 9>&-;;
    # A program for the loop itself: the number of bytes.
    e)
      ops_p=$(ops_dd "$ops_a");
      case $ops_p in *'#ops') eval "$ops_p";; esac;;
    # The request is over.
    x)
      ops_over;;
  esac;
done;
ops_end;
