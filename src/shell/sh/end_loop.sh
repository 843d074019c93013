# was_end ends the loop of a lost session with everything that it runs, and waits until none of that is
# alive. It returns 0 if nothing is alive, and otherwise prints the process ids, if it knows them. These
# variables are set before it: was_f is the process id; was_b is when it started, in ticks after the start of
# the machine (0: unknown), or else was_s is the minimum number of seconds it has been running.

# Whether the process with that id is a loop of ops; sets was_x to its command line.
was_loop() {
  was_x=
  if [ -r /proc/self/stat ]; then
    { IFS= read -r was_x <"/proc/$was_f/cmdline"; } 2>/dev/null
  else
    was_x=$(ps -o args= -p "$was_f" 2>/dev/null)
  fi
  case $was_x in *'IFS= read -r b && eval'*) return 0;; esac
  return 1
}

# Whether it is the intended one, according to its age: an id can be reused. 2: unknown, for example in a
# container whose clock began after its processes.
was_old() {
  case $was_b in
    '') { IFS= read -r was_x <"/proc/$was_f/stat" && read -r was_t was_y </proc/uptime; } 2>/dev/null;;
    0) return 2;;
    *) { IFS= read -r was_x <"/proc/$was_f/stat"; } 2>/dev/null;;
  esac || return $((0${was_b:+2}))
  set -- ${was_x##*\) }
  case $was_b in ?*) [ "${20}" = "$was_b" ]; return;; esac
  was_y=$((${was_t%.*} - ${20} / 100))
  if [ "$was_y" -lt 0 ]; then return 2; fi
  [ "$was_y" -ge "$was_s" ]
}

# Adds to was_v the descendants of those processes, and the processes in their sessions.
was_tree() {
  was_g=1
  while [ "$was_g" = 1 ]; do
    was_g=0
    for was_x in /proc/[0-9]*/stat; do
      { IFS= read -r was_t <"$was_x"; } 2>/dev/null || continue
      was_p=${was_t%% *}
      case $was_v in *" $was_p "*) continue;; esac
      set -- ${was_t##*\) }
      case $1 in Z|X) continue;; esac
      case $was_v in *" $2 "*|*" $4 "*) ;; *) continue;; esac
      was_v="$was_v$was_p "
      was_g=1
    done
  done
}

# Sets was_l to those of them that are alive.
was_alive() {
  was_l=
  for was_p in $was_v; do
    { IFS= read -r was_t <"/proc/$was_p/stat"; } 2>/dev/null || continue
    case ${was_t##*\) } in [ZX]*) ;; *) was_l="$was_l $was_p";; esac
  done
  [ -n "$was_l" ]
}

was_pause() {
  was_n=$((was_n + 1))
  sleep 0.1 2>/dev/null || { sleep 1; was_n=$((was_n + 9)); }
}

# Kills those of was_v, with their descendants. All are stopped first, so that none acts on the end of
# another.
was_kill() {
  if [ -r /proc/self/stat ]; then was_tree; fi
  kill -s STOP $was_v 2>/dev/null
  kill -s KILL $was_v 2>/dev/null
  was_n=0
  while if [ -r /proc/self/stat ]; then was_alive; else was_l=$was_f; was_loop; fi; do
    if [ "$was_n" -ge 25 ]; then
      echo "$was_l"
      return 1
    fi
    was_pause
    kill -s KILL $was_l 2>/dev/null
  done
  return 0
}

was_end() {
  was_loop || return 0
  was_old
  case $? in
    1) return 0;;
    2) if was_loop; then return 1; fi; return 0;;
  esac
  # It ends what it runs, as it does when its connection ends, and then itself.
  kill -s TERM "$was_f"
  was_n=0
  while was_loop; do
    if [ "$was_n" -ge 25 ]; then break; fi
    was_pause
  done
  was_loop || return 0
  # It cannot: for example, it waits for a program that it started.
  was_v=" $was_f "
  was_kill
}
