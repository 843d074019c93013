# What the scripts of services::* are made of. Before it stand: unit (the name), settle (seconds).

# Asks systemd what became of the unit.
look() {
  active= sub= result= condition= start= entered= type=
  shown=$(TZ=UTC systemctl show --no-pager -p ActiveState,SubState,Result,ConditionResult,InvocationID,ActiveEnterTimestamp,Type -- "$unit")
  while IFS= read -r line; do
    value=${line#*=}
    case $line in
      ActiveState=*) active=$value;;
      SubState=*) sub=$value;;
      Result=*) result=$value;;
      ConditionResult=*) condition=$value;;
      InvocationID=*) start=$value;;
      ActiveEnterTimestamp=*) entered=$value;;
      Type=*) type=$value;;
    esac
  done <<END
$shown
END
  # systemd before 232 has no invocation ids.
  start=${start:-$entered}
}

# Says what went wrong, with the end of the journal before it: of much that is printed, the end is kept.
failed() {
  look || :
  if [ "$condition" = no ]; then echo "a condition of its unit file is not met" >&2; fi
  journalctl --sync >/dev/null 2>&1 || :
  # Of this start alone, if systemd tells starts apart. The unit's own words come last: they say why. They are selected by unit and
  # time, because the journal does not know the invocation of a process that has already ended.
  began=$(journalctl --no-pager -q -o short-unix "INVOCATION_ID=$start" 2>/dev/null | { read -r at _ && echo "$at"; }) || began=
  said=
  if [ -n "$began" ]; then
    # What a service has just printed may reach the journal after the sync.
    for wait in 0.1 0.2 0.4 ''; do
      said=$(journalctl --no-pager -q -o short -n 10 --since "@$began" "_SYSTEMD_UNIT=$unit" 2>/dev/null) || :
      if [ -n "$said" ] || [ -z "$wait" ]; then break; fi
      sleep "$wait"
    done
    said=$(journalctl --no-pager -q -o short -n 10 "INVOCATION_ID=$start" 2>/dev/null
      [ -z "$said" ] || printf '%s\n' "$said") || :
  fi
  [ -n "$said" ] || said=$(journalctl --no-pager -q -o short -n 20 -u "$unit" 2>/dev/null)
  [ -z "$said" ] || printf '%s\n' "$said" >&2
  echo "ops: $unit $1: its state is ${active:-unknown} (${sub:-unknown}), result ${result:-unknown}" >&2
  exit 1
}

# A start that is asked for is not one too many in a short time (StartLimitBurst= of systemd.unit(5)).
forget_starts() {
  systemctl --no-ask-password reset-failed -- "$unit" 2>/dev/null || :
}

# Fails unless the unit is up. One that does not tell when it is ready counts as started before it could fail.
expect_up() {
  look
  case $active in active|reloading|refreshing) ;; *) failed "did not start";; esac
  case $type in
    simple|exec|idle)
      first=$start
      sleep "$settle" 2>/dev/null || sleep 1
      look
      case $active in active|reloading|refreshing) ;; *) failed "did not stay up";; esac
      if [ "$start" != "$first" ]; then failed "did not stay up and was started again"; fi;;
  esac
}

# Notes what the inputs are, for this start of the unit. Takes the rows; without any, there is no stamp.
stamp() {
  if [ $# -eq 0 ]; then
    rm -f -- "$ops_state/stamps/$unit"
    return
  fi
  own_state
  (umask 077; mkdir -p -- "$ops_state/stamps")
  printf '%s\n' "start=$start" "$@" >"$ops_state/stamps/.$unit.new"
  mv -f -- "$ops_state/stamps/.$unit.new" "$ops_state/stamps/$unit"
}

# Prints `loops`, how often systemd has started the unit again, the seconds from one start to the next and how it ended last, where the journal says
# that it dies again and again: it has been up for less than twice as long as it was before. Prints `steady` otherwise.
recur() {
  shown=$(systemctl show -p NRestarts -p ActiveEnterTimestampMonotonic -- "$unit")
  restarts=${shown##*NRestarts=}
  restarts=${restarts%%
*}
  # Those of this start alone.
  entries=3
  if [ "$restarts" -lt 3 ]; then entries=$restarts; fi
  read -r now _ </proc/uptime
  # The second id is that of the end of a process, the first one that of a restart that follows.
  every=$(journalctl --no-pager -q -o short-unix -n "$entries" --since=-10min -u "$unit" MESSAGE_ID=5eb03494b6584870a536b337290809b3 2>/dev/null |
    awk -v now="$now" -v since="${shown##*Monotonic=}" '
      NR > 1 && $1 - last > longest { longest = $1 - last }
      { last = $1 }
      END { if (NR > 1 && now - since / 1000000 < 2 * longest) printf "%.1f", longest }')
  if [ -z "$every" ]; then
    echo steady
    return
  fi
  echo "loops $restarts $every"
  journalctl --no-pager -q -o cat -n 1 -u "$unit" MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15 2>/dev/null || :
}

# Looks on until the unit has been up for $wanted seconds, or is no longer what it was. At most as long as that takes.
watch() {
  look || exit
  first=$start
  tries=$((${wanted%.*} * 4))
  while [ "$tries" -gt 0 ]; do
    tries=$((tries - 1))
    sleep 0.25 2>/dev/null || sleep 1
    look || exit
    if [ "$start" != "$first" ] || [ "$active" != active ]; then
      restarts=$(systemctl show -p NRestarts -- "$unit")
      echo "unsteady ${restarts#*=}"
      journalctl --no-pager -q -o cat -n 1 -u "$unit" 2>/dev/null || :
      exit 0
    fi
  done
  echo steady
}
