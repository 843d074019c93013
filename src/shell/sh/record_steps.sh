# Records commands. The loop knows these functions, and so do the separate shells, once the loop was sent
# them.
#
# ops_j  the record of the run's commands, relative to the state directory; empty if it cannot be written
# ops_me the process id of the loop, and when it started

# Appends a line to the record. If that fails, the client is told, and the first line of the record says that
# lines are missing: it is overwritten in place, which needs no space.
ops_jot() {
  { command printf '%s\n' "$*" >>"$ops_state/$ops_j"; } 2>/dev/null || {
    printf '%s %s J\n' "$ops_n" "$ops_i";
    { command printf 'records 1 -\n' 1<>"$ops_state/$ops_j"; } 2>/dev/null;
  };
};

# A command that is recorded: its key, then as for ops_c. The process ids are this shell and the leader of its
# session.
ops_q() {
  ops_y=$1;
  shift;
  ops_jot began "$ops_y" "$ops_me" "$$" "$PPID";
  ops_c "$@";
  ops_x=$?;
  case $ops_s in ?*) ops_jot ended "$ops_y" "$ops_me" "$ops_s";; esac;
  return "$ops_x";
};
