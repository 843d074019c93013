# Runs the steps of a request. The loop knows these functions, and so does the separate shell of a request
# with commands.
#
# This file is folded into one line: a comment must be on a separate line, and every line must end where a
# blank or a semicolon can follow.
#
# ops_n  the nonce of the session          ops_i    the number of the request
# ops_l  a newline                         ops_bad  steps whose body did not arrive, ops_err: why

# A marker on both streams.
ops_m() {
  printf '%s %s %s\n' "$ops_n" "$ops_i" "$*";
  printf '%s %s %s\n' "$ops_n" "$ops_i" "$*" >&2;
};

# Whether status $1 is among the codes $2.
ops_ok() {
  case " $2 " in *" $1 "*) return 0;; esac;
  return 1;
};

# An own step or a probe: number, success codes, script, and its input as a format of printf.
ops_o() {
  ops_m S "$1";
  if [ $# -gt 3 ]; then
    printf "$4" | ( LC_ALL=C; export LC_ALL; eval "$3" );
  else
    ( LC_ALL=C; export LC_ALL; eval "$3" ) </dev/null;
  fi;
  ops_s=$?;
  ops_m E "$1" "$ops_s";
  ops_ok "$ops_s" "$2";
};

# Reports the process id of this very subshell as one that only carries bytes for step $1. (`read` would
# read /proc/self/stat byte by byte.)
ops_tell() {
  ops_s=0;
  if cd -P /proc/self 2>/dev/null; then ops_s=${PWD##*/}; fi;
  printf '%s %s R %s %s\n' "$ops_n" "$ops_i" "$1" "$ops_s";
};

# A relay: copies until the end. It ignores TERM, so that what a command prints while it ends is passed on.
ops_r() {
  trap '' TERM;
  ops_tell "$1";
  exec cat;
};

# The input of a command: $2 as a format of printf.
ops_in() {
  ops_tell "$1" >&7;
  printf "$2";
};

# The command of a user, without anything of ops in its shell; its end is reported on both outputs, and its
# status on 6, which no command has.
ops_u() {
  ( eval "set --; unset -f $ops_fn; unset $ops_vn; $ops_l$3" ) 6>&-;
  ops_s=$?;
  printf '%s %s E %s %s\n' "$ops_n" "$ops_i" "$1" "$ops_s";
  printf '%s %s E %s %s\n' "$ops_n" "$ops_i" "$1" "$ops_s" >&2;
  printf %s "$ops_s" >&6;
};

# The same with a relay for its stderr. It uses `exec`, as no redirection may be undone: BusyBox does that
# before it runs a trap on EXIT, and a child that is a shell would hold the saved descriptors.
ops_v() {
  {
    {
      if [ $# -lt 4 ]; then exec </dev/null; fi;
      exec 2>&1 >&3 3>&- 7>&- 8>&-;
      ops_u "$@";
    } |
    ops_r "$1" >&8 2>/dev/null 3>&- 6>&- 7>&- 8>&-;
  } 3>&1;
};

# Whether 3 and 4 are pipes that can be opened for writing. Most shells use a pipe for a short
# here-document, and Linux opens the other end of one by its name in /proc.
ops_can() {
  [ -p /proc/self/fd/3 ] && [ -p /proc/self/fd/4 ] &&
  { command exec 5>/proc/self/fd/3; } 2>/dev/null && exec 5>&-;
};

# A relay of such a pipe. It holds the other end until another process does: one line comes from the
# here-document, and one from the writer.
ops_h() {
  ops_tell "$1";
  exec 3<&- 4<&- 5>/proc/self/fd/0;
  read -r ops_x && read -r ops_x;
  trap '' TERM;
  exec cat 5>&- 7>&- 8>&-;
};

# A command that writes to pipes 3 and 4. All of it runs in the foreground: a command finds no job of ops.
ops_t() {
  ops_h "$1" <&3 >&7 2>/dev/null |
  ops_h "$1" <&4 >&8 2>/dev/null |
  {
    exec </dev/null >/proc/self/fd/3 2>/proc/self/fd/4 3<&- 4<&-;
    echo;
    echo >&2;
    if [ $# -gt 3 ]; then
      ops_in "$1" "$4" 2>/dev/null 8>&- | ops_y "$3";
    else
      ops_y "$3";
    fi;
    ops_s=$?;
    printf '%s %s E %s %s\n' "$ops_n" "$ops_i" "$1" "$ops_s";
    printf '%s %s E %s %s\n' "$ops_n" "$ops_i" "$1" "$ops_s" >&2;
    exit "$ops_s";
  };
};

# The command itself.
ops_y() {
  ( exec 7>&- 8>&-; eval "set --; unset -f $ops_fn; unset $ops_vn; $ops_l$1" );
};

# A command: like ops_o, but its output passes through relays, which end with it. Only in a separate shell,
# with the streams on 7 and 8. It needs four processes if possible, else six.
ops_c() {
  ops_m S "$1";
  ops_x="3<<E 4<<E$ops_l${ops_l}E$ops_l${ops_l}E$ops_l";
  case $ops_h in '') ops_h=0; eval "ops_can $ops_x" && ops_h=1;; esac;
  case $ops_h in
    1)
      eval "ops_t \"\$@\" $ops_x";
      ops_s=$?;;
    *)
      ops_s=$(
        {
          if [ $# -gt 3 ]; then
            ops_in "$1" "$4" 2>/dev/null 6>&- 8>&- |
            ops_v "$@" |
            ops_r "$1" >&7 2>/dev/null 6>&- 7>&- 8>&-;
          else
            ops_v "$@" |
            ops_r "$1" >&7 2>/dev/null 6>&- 7>&- 8>&-;
          fi;
        } 6>&1
      );;
  esac;
  ops_ok "$ops_s" "$2";
};

# Whether the body of a step was written. If not, the step fails before it begins.
ops_b() {
  case " $ops_bad " in
    *" $1 "*)
      ops_m S "$1";
      printf '%s\n' "$ops_err" >&2;
      ops_m E "$1" 1;
      return 1;;
  esac;
};
