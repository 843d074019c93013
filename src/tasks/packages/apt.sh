# What the scripts of packages::* are made of.

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1

# Waits for another package manager to end, keeps the files of the configuration, and takes names for names (not
# for patterns).
apt() {
  apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold -o APT::Cmd::Pattern-Only=true "$@" </dev/null
}

# Fetches the lists of packages. They have a lock of their own, for which apt does not wait.
update_lists() {
  apt update || { sleep 5; apt update; }
  mkdir -p -- "$ops_state"
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
  keep_dir
  snapshot >"$keep.before"
  apt-mark showauto >"$keep.auto"
  # Half a list would make the undo remove what is not in it.
  : >"$keep.whole"
  umask 022
  apt "$@" || { code=$?; snapshot >"$keep.after"; exit "$code"; }
  snapshot >"$keep.after"
}

# Gives back the packages that were there: those that changed or went in their former version; those that appeared
# go. What somebody else has changed since is left alone.
change_back() {
  [ -e "$keep.whole" ] || return 0
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
      echo "cannot put back:" $restore "(is that version still to be had?)" >&2
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
  tries=0
  until dpkg "--$@"; do
    code=$?
    tries=$((tries + 1))
    if [ "$code" -ne 2 ] || [ "$tries" -ge 60 ]; then return "$code"; fi
    sleep 5
  done
}
