# Hashes a large body while it arrives: what has been written is read again while more of it is on its way,
# so nobody has to wait for that later. The loop is sent this before each such body, and does not contain it
# otherwise.
#
# ops_large STEP does it. ops_known PATH then prints the hash of a file, for the steps and the probe of the
# request.
#
# ops_sums  lines STAT=SUM: a file that was written to later has another time

# Copies a block of a body, of $1 bytes, to 9, in pieces that stay in the processor's cache. If it cannot be
# written it is read all the same, because the next message follows it. dd reports how far it got; if it
# does not, the start of that message is unknown.
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

# The same for step $2, whose body is invalid if that fails.
ops_block() {
  ops_take "$1" || {
    ops_bad="$ops_bad $2";
    ops_t=$(echo | cat 2>&1 >&9);
    ops_err="cannot write the body: ${ops_t:-a write failed}";
  };
};

# Copies the blocks of a body up to the message after them, and prints how many pieces each has. The state
# of the loop is written to 7, as this is a subshell; an answer to 6.
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

# Reads back from the file what was written, block by block. If that fails, the remaining numbers are still
# consumed: nobody waits for this, and the state of the loop comes before the hash.
ops_again() {
  exec 5<&0;
  { while read -r ops_t <&5; do dd bs=131072 count="$ops_t" iflag=fullblock 2>/dev/null || break; done; } <"$ops_f";
  while read -r ops_t <&5; do :; done;
};

# SHA-256 of its input, by the faster program: openssl uses processor instructions that many versions of
# sha256sum do not.
ops_hash() {
  if command -v openssl >/dev/null 2>&1; then
    exec openssl dgst -sha256 -r;
  fi;
  exec sha256sum;
};

# Copies the whole body of step $1. The hash of the file as it was read is recorded; writing to it from now
# on changes its time. The loop itself copies a body if dd cannot wait for a block, and a body that cannot
# be written.
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
      # A stat without nanoseconds does not detect a write in the same second.
      case $ops_x in ''|*.000000000*) ops_t=;; esac;
      if [ "${#ops_t}" = 64 ]; then
        ops_sums="$ops_sums$ops_l$ops_x=$ops_t$ops_l";
        ops_also="$ops_known ops_sums=\"$ops_sums\";";
      fi;;
  esac;
  case $ops_v in x) ops_over;; esac;
};

# Separate shells get this text.
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
