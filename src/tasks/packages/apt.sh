# What the scripts of packages::* are made of.

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1

locks='/var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock'

# Keeps the files of the configuration, and takes names for names (not for patterns).
apt_get() {
  apt-get -q -y -o Dpkg::Use-Pty=0 -o "DPkg::Lock::Timeout=$patience" -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold -o APT::Cmd::Pattern-Only=true "$@" </dev/null
}

# simulate CALL: whether apt can do that by the lists that are there.
simulate() {
  apt_get -s -qq "$@" >/dev/null 2>&1
}

# Says who holds one of the locks, by what the kernel tells: apt waits for the first of the four only. Fails where nobody does.
lock_holder() {
  for lock in $locks; do
    inode=$(stat -c %i "$lock" 2>/dev/null) || continue
    while read -r _ kind _ _ pid file _; do
      [ "$kind" = POSIX ] && [ "${file##*:}" = "$inode" ] || continue
      name=
      if [ -r "/proc/$pid/comm" ]; then
        ls -l "/proc/$pid/fd" 2>/dev/null | grep -q -e "-> $lock\$" || continue
        read -r name <"/proc/$pid/comm" || :
      fi
      echo "${name:-a process} (process $pid) holds $lock"
      return 0
    done </proc/locks
  done
  return 1
}

wait_for_locks() {
  began=$(date +%s)
  told=
  while holder=$(lock_holder); do
    if [ $(($(date +%s) - began)) -ge "$patience" ]; then
      echo "ops: timed out after $patience s waiting for another package manager: $holder" >&2
      exit 1
    fi
    [ "$told" = "$holder" ] || echo "waiting for another package manager: $holder"
    told=$holder
    sleep 1
  done
}

apt() {
  tries=0
  while :; do
    wait_for_locks
    code=0
    apt_get "$@" || code=$?
    tries=$((tries + 1))
    # Somebody else may have been faster.
    if [ "$code" -eq 0 ] || [ "$tries" -ge 3 ] || ! lock_holder >/dev/null; then return "$code"; fi
  done
}

# choose NAME PATTERN EXPRESSION: the package in the version that apt prefers of those that fit, by priority and then by age. The pattern where there is none.
choose() {
  version=$(LC_ALL=C apt-cache ${release:+-o "APT::Default-Release=$release"} policy -- "$1" 2>/dev/null | awk -v fits="$3" '
    /^ (\*\*\*|   ) [^ ]+ -?[0-9]+$/ {
      version = $(NF - 1); priority = $NF + 0
      if (version ~ fits && priority >= 0 && (best == "" || priority > most)) { best = version; most = priority }
    }
    END { print best }')
  echo "$1=${version:-$2}"
}

# Finishes what a package manager that was killed left half done: apt and dpkg refuse everything else before that. They tell by these files, too.
finish_former() {
  [ -n "$(find /var/lib/dpkg/updates -name '[0-9]*' 2>/dev/null)" ] || return 0
  wait_for_locks
  half=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | awk '$1 ~ /^(half-|unpacked|triggers-)/ { printf " %s", $2 }')
  dpkg --force-confdef --force-confold --configure -a </dev/null || return 0
  echo "ops: an earlier installation was interrupted; \`dpkg --configure -a\` finished it${half:+:}$half"
}

# Names the packages that are held, where apt could go on without that.
name_held() {
  find_held "$@"
  [ -n "$named" ] || return 0
  echo "ops: $named" >&2
  echo "ops hint: \`apt-mark unhold$names\` would allow changes." >&2
}

# Fetches the lists of packages.
update_lists() {
  apt update || { sleep 5; apt update; } || { code=$?; untouched; exit "$code"; }
  own_state
  touch -- "$ops_state/apt-lists"
}

# Whether the lists are younger than $1 minutes.
are_fresh() {
  [ -n "$(find "$ops_state/apt-lists" /var/lib/apt/periodic/update-success-stamp -maxdepth 0 -mmin "-$1" 2>/dev/null)" ]
}

# Every package with its version and its state.
snapshot() {
  dpkg-query -W -f '${binary:Package} ${Version} ${db:Status-Status}\n'
}

# Runs apt with what there was before and after kept for the undo.
change() {
  finish_former
  keep_dir
  snapshot >"$keep.before"
  apt-mark showauto >"$keep.auto"
  # Half a list would make the undo remove what is not in it.
  : >"$keep.whole"
  umask 022
  apt "$@" || {
    code=$?
    snapshot >"$keep.after"
    if cmp -s "$keep.before" "$keep.after"; then untouched; fi
    name_held "$@"
    exit "$code"
  }
  snapshot >"$keep.after"
}

# Gives back the packages that were there: those that changed or went in their former version; those that appeared
# go. What somebody else has changed since is left alone.
change_back() {
  [ -e "$keep.whole" ] || return 0
  finish_former
  [ -f "$keep.after" ] || snapshot >"$keep.after"
  snapshot >"$keep.now"
  plan=$(awk '
    FNR == 1 { file++ }
    { version[file, $1] = $2; state[file, $1] = $3; names[$1] }
    function there(file, name) { return state[file, name] != "" && state[file, name] !~ /^(not-installed|config-files)$/ }
    END {
      for (name in names) {
        if (version[1, name] == version[2, name] && state[1, name] == state[2, name]) continue
        if (version[3, name] != version[2, name] || state[3, name] != state[2, name]) continue
        if (there(1, name)) print "restore", name "=" version[1, name]
        else if (there(3, name)) print (state[1, name] == "" ? "purge" : "remove"), name
        else if (state[3, name] == "config-files" && state[1, name] == "") print "purge", name
      }
    }' "$keep.before" "$keep.after" "$keep.now")
  restore=$(echo "$plan" | sed -n 's/^restore //p')
  if [ -n "$restore" ]; then
    # One word each.
    apt install --allow-downgrades --no-install-recommends $restore || {
      echo "cannot restore" $restore "(is that version still available?)" >&2
      exit 1
    }
    for name in $restore; do
      name=${name%%=*}
      if grep -Fxq -- "$name" "$keep.auto"; then apt-mark auto "$name" >/dev/null; fi
    done
  fi
  for how in purge remove; do
    gone=$(echo "$plan" | sed -n "s/^$how //p")
    [ -z "$gone" ] || forget_packages "$how" $gone
  done
}

# Exactly these packages, whoever needs them: apt would take the others along. dpkg does not wait for its lock.
forget_packages() {
  wait_for_locks
  tries=0
  until dpkg "--$@"; do
    code=$?
    tries=$((tries + 1))
    if [ "$code" -ne 2 ] || [ "$tries" -ge 60 ]; then return "$code"; fi
    sleep 5
  done
}
