# A large body is hashed while it comes: what has landed is read again while more of it is on its way. So
# nobody has to wait for that later. The loop is sent this before each such body, and knows nothing of it
# otherwise.
#
# ops_large STEP does it. ops_known PATH then prints the sum of a file, for the steps and the probe of the
# request.
#
# ops_sums  lines STAT=SUM: a file that was written to since has another time

# Takes a block of a body, of $1 bytes, to 9, in pieces that stay in the processor's cache. What cannot be
# written is read all the same, for the next message stands behind it. dd says how far it came; where it does
# not, nobody knows where that message begins.
ops_take() {
  if [ "$1" -le 1048576 ]; then
    ops_dd "$1" >&9;
    return;
  fi;
  ops_y=$(($1 / 131072));
  ops_t=$(trap '' XFSZ; LC_ALL=C dd bs=131072 count="$ops_y" iflag=fullblock 2>&1 >&9) && return;
  ops_t=${ops_t%+*"records in"*};
  ops_t=${ops_t##*[!0-9]};
  case $ops_t in '') ops_v=; return 1;; esac;
  if [ "$ops_t" -lt "$ops_y" ]; then
    dd bs=131072 count=$((ops_y - ops_t)) iflag=fullblock >/dev/null 2>&1;
  fi;
  return 1;
};

# The same for step $2, whose body is bad where that fails.
ops_block() {
  ops_take "$1" || {
    ops_bad="$ops_bad $2";
    ops_t=$(echo | cat 2>&1 >&9);
    ops_err="cannot write the body: ${ops_t:-a write failed}";
  };
};

# Takes the blocks of a body up to the message behind them, and prints how many pieces each has. The state of
# the loop goes to 7, for this is a subshell; an answer to 6.
ops_blocks() {
  trap '' PIPE;
  while LC_ALL=C IFS=' ' read -r ops_v ops_a ops_b ops_r; do
    case $ops_v in
      w)
        ops_block "$ops_a" "$ops_b";
        case $ops_v in '') break;; esac;
        echo $(((ops_a + 131071) / 131072)) 2>/dev/null;;
      k) printf '%s %s K 0\n' "$ops_n" "$ops_a" >&6;;
      b) ops_spoil "$ops_a" "$ops_b${ops_r:+ $ops_r}";;
      g|x) break;;
    esac;
  done;
  printf '%s\n%s\n%s\n# ' "$ops_v" "$ops_bad" "$ops_err" >&7;
};

# Reads from the file what is said to stand in it, block by block. Where it cannot, the rest of the numbers is
# taken all the same: nobody waits for this, and the state of the loop comes before the sum.
ops_again() {
  exec 5<&0;
  { while read -r ops_t <&5; do dd bs=131072 count="$ops_t" iflag=fullblock 2>/dev/null || break; done; } <"$ops_f";
  while read -r ops_t <&5; do :; done;
};

# SHA-256 of its input, by the faster program: openssl uses instructions of the processor that many a
# sha256sum does not.
ops_hash() {
  if command -v openssl >/dev/null 2>&1; then
    exec openssl dgst -sha256 -r;
  fi;
  exec sha256sum;
};

# Takes all of the body of step $1. What is noted is the sum of the file as it was read; whoever writes to it
# from now on changes its time. The loop itself takes a body where dd cannot be told to wait for a block, and
# one that has nowhere to go.
ops_large() {
  case "$ops_d$ops_bad " in 0*|*" $1 "*) return;; esac;
  {
    ops_t=$(
      exec 7>&1;
      ops_blocks | ops_again 2>/dev/null 6>&- 7>&- 9>&- | ops_hash 2>/dev/null 6>&- 7>&- 9>&-
    );
  } 6>&1;
  ops_v=${ops_t%%"$ops_l"*};
  case $ops_v in g|x) ;; *) ops_end;; esac;
  exec 9>&-;
  ops_t=${ops_t#*"$ops_l"};
  ops_bad=${ops_t%%"$ops_l"*};
  ops_t=${ops_t#*"$ops_l"};
  ops_err=${ops_t%"$ops_l# "*};
  ops_t=${ops_t##*"$ops_l# "};
  ops_t=${ops_t%%[!0-9a-f]*};
  ops_x=$(stat -c '%d/%i/%s/%y' -- "$ops_f" 2>/dev/null);
  case " $ops_bad " in
    *" $1 "*) ;;
    *)
      # A stat that knows no nanoseconds does not tell a write of the same second.
      case $ops_x in ''|*.000000000*) ops_t=;; esac;
      if [ "${#ops_t}" = 64 ]; then
        ops_sums="$ops_sums$ops_l$ops_x=$ops_t$ops_l";
        ops_also="$ops_known ops_sums=\"$ops_sums\";";
      fi;;
  esac;
  case $ops_v in x) ops_over;; esac;
};

# Shells of their own are told this text.
ops_known='
ops_known() {
  case $ops_sums in "") return 1;; esac;
  ops_x=$(stat -L -c "%d/%i/%s/%y" -- "$1" 2>/dev/null);
  case $ops_sums in
    *"$ops_l$ops_x="*) ops_x=${ops_sums#*"$ops_l$ops_x="};;
    *) return 1;;
  esac;
  printf "%s\\n" "${ops_x%%"$ops_l"*}";
};
';
eval "$ops_known";
