# Ends what earlier attempts at a run may still be doing on the host as this user, and waits until none of it
# is alive. was_r is the run, was_a this attempt. Their records contain the loops, and the shells that run
# commands. It fails if something is alive, or if that cannot be determined.

# Whether the process was_w still runs commands in the session was_m: a loop that was killed could not end it.
was_shell() {
  was_x=
  { IFS= read -r was_x <"/proc/$was_w/cmdline"; } 2>/dev/null
  case $was_x in sh-s"$ops_state"*) ;; *) return 1;; esac
  { IFS= read -r was_x <"/proc/$was_w/stat"; } 2>/dev/null || return 1
  set -- ${was_x##*\) }
  case $1 in Z|X) return 1;; esac
  [ "$4" = "$was_m" ]
}

was_e=0
for was_i in "$ops_state/runs/$was_r.$ops_u".*; do
  { [ -f "$was_i" ] && [ "${was_i##*.}" -lt "$was_a" ]; } || continue
  was_o=$(sed -n 's/^loop //p' "$was_i")
  while read -r was_f was_b; do
    case $was_f$was_b in ''|*[!0-9]*) continue;; esac
    { command printf 'killed %s %s\n' "$was_f" "$was_b" >>"$was_i"; } 2>/dev/null
    was_end || was_e=1
    # The shell of its last command.
    was_k=$(sed -n "s/^began [0-9a-f]* $was_f $was_b //p" "$was_i" | tail -n 1)
    was_w=${was_k% *}
    was_m=${was_k#* }
    if [ -n "$was_k" ] && was_shell; then
      was_v=" $was_w $was_m "
      was_kill || was_e=1
    fi
  done <<E
$was_o
E
done
exit "$was_e"
