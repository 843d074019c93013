# Functions that the apply and undo scripts of tasks may use. Only those that the scripts of a request name are sent.
# POSIX sh; each ends in a line "}" of its own. Paths are absolute. What a step keeps is named `$keep.NAME`.

# failed_at PATH: ends the script, and says on stderr what about PATH explains that it could not be written, replaced or
# removed. By what is there, never by the text of an error.
failed_at() {
  ops_above=${1%/*}
  ops_above=${ops_above:-/}
  if ! [ -e "$ops_above" ]; then
    echo "ops: cannot create $1: there is no directory $ops_above" >&2
  elif ! [ -d "$ops_above" ]; then
    echo "ops: cannot create $1: $ops_above is not a directory" >&2
  fi
  ops_hint=$(hint_at "$1")
  [ -z "$ops_hint" ] || echo "ops hint: $ops_hint" >&2
  exit 1
}

# refused CODE COMMAND: ends the script, for a command that looks at a new file did not accept it. `$ops_said` is what it printed.
refused() {
  ops_first=${ops_said%%"
"*}
  # Of much that is printed, the end is kept.
  [ "$ops_first" = "$ops_said" ] || printf '%s\n' "$ops_said" >&2
  echo "ops: the validate command \`$2\` exited with code $1${ops_first:+: $ops_first}" >&2
  exit "$1"
}

# set_owner USER GROUP PATH: gives a file to a user and a group; both may be numbers, and one of them empty.
set_owner() {
  ops_error=$(chown "$1${2:+:$2}" "$3" 2>&1) && return
  case $1 in
    *[!0-9]*) id -u -- "$1" >/dev/null 2>&1 || echo "ops: there is no user $1" >&2 ;;
  esac
  case $2 in
    *[!0-9]*) is_group "$2" || echo "ops: there is no group $2" >&2 ;;
  esac
  echo "$ops_error" >&2
  failed_at "$3"
}

# is_group NAME: whether the host has a group of this name.
is_group() {
  if command -v getent >/dev/null 2>&1; then getent group "$1" >/dev/null; else grep -q "^$1:" /etc/group; fi
}

# untouched: said before a script ends that failed, and has changed nothing.
untouched() {
  echo "ops untouched" >&2
}

# hint_at PATH: a sentence, or nothing. The calls are of failures only, so they may take their time.
hint_at() {
  ops_above=${1%/*}
  ops_above=${ops_above:-/}
  if ! [ -e "$ops_above" ]; then
    while ! [ -e "${ops_above%/*}/" ]; do ops_above=${ops_above%/*}; done
    echo "There is no directory $ops_above: \`files::directory\` creates it."
    return
  fi
  if ! [ -d "$ops_above" ]; then
    echo "$ops_above is not a directory."
    return
  fi
  for ops_one in "$1" "$ops_above"; do
    ops_flags=$(lsattr -d "$ops_one" 2>/dev/null) || continue
    case ${ops_flags%% *} in
      *i*)
        echo "$ops_one is immutable (\`lsattr -d $ops_one\` shows \`i\`): \`chattr -i $ops_one\` allows changes."
        return
        ;;
      *a*)
        echo "$ops_one is append-only (\`lsattr -d $ops_one\` shows \`a\`): \`chattr -a $ops_one\` allows changes."
        return
        ;;
    esac
  done
  ops_mount=$(df -P "$ops_above" 2>/dev/null) || ops_mount=
  ops_mount=${ops_mount##*% }
  ops_options=
  while read -r ops_x ops_at ops_x ops_these ops_x; do
    if [ "$ops_at" = "$ops_mount" ]; then ops_options=$ops_these; fi
    if [ "$ops_at" = "$1" ]; then
      echo "$1 is a mount point."
      return
    fi
  done </proc/mounts
  case ,$ops_options, in
    *,ro,*)
      echo "The file system at $ops_mount is mounted read-only: see \`findmnt $ops_mount\`."
      return
      ;;
  esac
  if ! [ -w "$ops_above" ] || ! [ -x "$ops_above" ]; then
    echo "The user $(id -un) may not write to $ops_above: does the task need \`become\`?"
    return
  fi
  if [ -f "$1" ]; then
    for ops_one in /proc/[0-9]*/exe; do
      if [ "$ops_one" -ef "$1" ]; then
        ops_one=${ops_one%/exe}
        echo "$1 is being run by process ${ops_one##*/}."
        return
      fi
    done
  fi
}

# forget_old KEPT: of what earlier runs kept there, leaves the last nine. The names of runs sort by time.
forget_old() {
  set -- "$1"/*/
  while [ $# -gt 9 ]; do
    rm -rf "$1"
    shift
  done
}

# own_state: makes ops's state directory, for this user alone.
own_state() {
  [ -d "$ops_state" ] || (umask 077; exec mkdir -p "$ops_state") || {
    echo "ops keeps its state in $ops_state, which it cannot create: set ops_state_dir to another directory" >&2
    return 1
  }
  # One that anybody could have made first, in /var/tmp or in a directory that several users share.
  case ${ops_state##*/} in
    ops-[0-9]*)
      if ! [ -O "$ops_state" ] || [ -h "$ops_state" ]; then
        echo "$ops_state belongs to another user, and ops keeps its state there: set ops_state_dir to another directory" >&2
        return 1
      fi;;
  esac
}

# Makes the directory of the run, for this user alone. Sets the umask. `$keep` is KEPT/RUN/STEP.
keep_dir() {
  own_state
  umask 077
  if [ ! -d "${keep%/*}" ]; then
    forget_old "${keep%/*/*}"
    mkdir -p "${keep%/*}" || {
      echo "ops keeps what it replaces in $ops_state, where it cannot create a directory: set ops_state_dir to another one" >&2
      return 1
    }
  fi
}

# note_undo RUN NAME TEXT: keeps how to undo the change that follows, in the run's directory RUN/NAME.undo, behind a `+`.
# The shell of a request runs it, not that of a step, so it must leave the umask as it is, and never fails. If it cannot
# be written, `changes` says so: its `+` is overwritten in place, which needs no space.
note_undo() {
  case $ops_um in '')
    { while read -r ops_x ops_um; do case $ops_x in Umask:) break ;; esac; done </proc/self/status; } 2>/dev/null
    ops_um=${ops_um:-$(umask)}
  esac
  ops_x=$ops_state/$1
  umask 077
  { command printf '+%s\n' "$3" >|"$ops_x/$2.undo"; } 2>/dev/null ||
    { command printf - 1<>"$ops_x/changes"; } 2>/dev/null
  umask "$ops_um"
}

# note_run RUN: makes the directory for what is kept of a run. Before the first note_undo of a session. One process, if it
# is missing.
note_run() {
  ops_x=$ops_state/$1
  if ! [ -d "$ops_x" ]; then
    { own_state && forget_old "${ops_x%/*}" && (umask 077 && exec mkdir -p "$ops_x") && command echo + >"$ops_x/changes"; } 2>/dev/null
  fi
  :
}

# end_undo RUN NAME STATE: the change is undone. `-`: what comes last is still to be done.
end_undo() {
  ops_x=$ops_state/$1/$2.undo
  if [ -s "$ops_x" ]; then
    case $3 in
      -) { command printf - 1<>"$ops_x"; } 2>/dev/null ;;
      *) { command : >|"$ops_x"; } 2>/dev/null ;;
    esac
  fi
  :
}

# clear_away PATH: removes what a killed run left there.
clear_away() {
  if [ -e "$1" ] || [ -h "$1" ]; then rm -rf "$1"; fi
}

# is_kept: whether something is kept, and all of it. What is not (the disk was full, the run was killed) was not touched
# either, and must not be put in its place.
is_kept() {
  [ -e "$keep.whole" ]
}

# keep_copy PATH: keeps a copy of a file with all that cp can keep of it.
keep_copy() {
  keep_dir
  clear_away "$keep.whole"
  clear_away "$keep.copy"
  cp -a "$1" "$keep.copy" || {
    rm -f "$keep.copy"
    return 1
  }
  : >|"$keep.whole"
}

# keep_known PATH SUM: the same for a file that is to be as it was when it was looked at.
keep_known() {
  keep_copy "$1"
  ops_sum=$(sha256sum <"$keep.copy")
  [ "${ops_sum%% *}" = "$2" ] || {
    rm -f "$keep.whole"
    echo "$1 was changed after ops had read it, so it was not overwritten: run the playbook again" >&2
    return 1
  }
}

# give_back PATH: puts the copy where it was, in one step where that can be.
give_back() {
  is_kept || return 0
  begin_file "${1%/*}/.ops-give-back"
  cp -a "$keep.copy" "$ops_new"
  move_over "$1" >/dev/null
}

# write_back PATH NEW TEXT: the content that an earlier change of the same request left, where a file still is.
write_back() {
  [ -f "$1" ] || return 0
  begin_file "$2"
  cp -a "$1" "$ops_new"
  printf %s "$3" >|"$ops_new"
  move_over "$1" >/dev/null
}

# keep_away PATH: moves something out of the way, a tree too. To another file system it is copied, and removed when all
# of it is there; `mv` would do that too, but does not say how far it got when it is killed.
keep_away() {
  keep_dir
  clear_away "$keep.whole"
  clear_away "$keep.away"
  clear_away "$keep.going"
  set -- "$1" $(stat -c %d -- "${1%/*}/" "${keep%/*}/")
  if [ "$2" = "$3" ]; then
    mv "$1" "$keep.away" || failed_at "$1"
    : >|"$keep.whole"
  else
    cp -a "$1" "$keep.away" || failed_at "$1"
    : >|"$keep.going"
    : >|"$keep.whole"
    rm -rf "$1" || failed_at "$1"
    rm -f "$keep.going"
  fi
}

# bring_back PATH: moves it back to where it was.
bring_back() {
  # The run was killed between the two: what is gone from its place is all here.
  if ! is_kept && { [ -e "$1" ] || [ -h "$1" ]; }; then return 0; fi
  if ! [ -e "$keep.away" ] && ! [ -h "$keep.away" ]; then return 0; fi
  # The run was killed while it removed this: some of it may be gone.
  if [ -e "$keep.going" ]; then clear_away "$1"; fi
  mv "$keep.away" "$1"
  rm -f "$keep.whole" "$keep.going"
}

# begin_file NEW: NEW is where a file is put together that takes another's place.
begin_file() {
  clear_away "$1"
  adopt_file "$1"
}

# adopt_file NEW [BODY]: the same for a NEW that has landed already, or that is made of BODY. They go when this
# script fails.
adopt_file() {
  ops_new=$1
  ops_body=$2
  trap 'rm -f "$ops_new" ${ops_body:+"$ops_body"}' EXIT
  trap 'exit 1' HUP INT TERM
  set -C
}

# is_known PATH SUM: whether the session knows this sum of a body that has just come (ops_known).
is_known() {
  [ -n "$ops_sums" ] && [ "$(ops_known "$1" 2>/dev/null)" = "$2" ]
}

# expect_sha256 PATH SUM: fails unless the content is this.
expect_sha256() {
  is_known "$1" "$2" && return 0
  ops_sum=$(sha256sum <"$1")
  [ "${ops_sum%% *}" = "$2" ] || {
    echo "the content arrived incomplete" >&2
    return 1
  }
}

# move_over PATH [FUNCTION]: renames the new file to PATH. A PATH that cannot be renamed over (a mount) is written
# in place, after FUNCTION has set its attributes.
move_over() {
  ops_code=0
  ops_error=$(mv -f "$ops_new" "$1" 2>&1) || ops_code=$?
  # Ended by a signal, mv does not say whether the path can be renamed over.
  if [ "$ops_code" -gt 128 ]; then
    echo "mv was ended by signal $((ops_code - 128)) before it had put $1 in place" >&2
    exit 1
  fi
  if [ "$ops_code" != 0 ]; then
    if ! [ -f "$1" ] || ! [ -w "$1" ]; then
      echo "$ops_error" >&2
      failed_at "$1"
    fi
    [ -z "$2" ] || "$2" "$1"
    { cat "$ops_new" >|"$1"; } || failed_at "$1"
    rm -f "$ops_new"
    echo "written in place, because it cannot be replaced by a rename"
  fi
  [ -z "$ops_body" ] || rm -f "$ops_body"
  trap - EXIT
}

# replace_link TARGET PATH NEW: in one step.
replace_link() {
  clear_away "$3"
  ln -s -- "$1" "$3" || failed_at "$2"
  move_link "$3" "$2"
}

# move_link NEW PATH: renames a link over another one. An mv without -T would enter the directory that the other leads to;
# it takes a NEW of the same name, and the directory that PATH stands in.
move_link() {
  mv -fT "$1" "$2" 2>/dev/null || {
    ops_code=$?
    if [ "$ops_code" -gt 128 ]; then
      echo "mv was ended by signal $((ops_code - 128)) before it had put $2 in place" >&2
      exit 1
    fi
    clear_away "$1.d"
    mkdir "$1.d"
    mv "$1" "$1.d/${2##*/}"
    mv -f "$1.d/${2##*/}" "${2%/*}/"
    rmdir "$1.d"
  }
}

# give_link_back PATH NEW: the link that was kept.
give_link_back() {
  is_kept || return 0
  clear_away "$2"
  cp -a "$keep.copy" "$2"
  move_link "$2" "$1"
}

# make_directory PATH [MODE]: with the directories above it, the number of which is kept.
make_directory() {
  ops_missing=0
  ops_first=$1
  ops_above=${1%/*}
  while [ -n "$ops_above" ] && ! [ -d "$ops_above" ]; do
    ops_missing=$((ops_missing + 1))
    ops_first=$ops_above
    ops_above=${ops_above%/*}
  done
  if [ "$ops_missing" -gt 0 ]; then
    keep_dir
    echo "$ops_missing" >"$keep.missing"
  fi
  umask 022
  mkdir -p ${2:+-m "$2"} "$1" || {
    [ -d "$ops_first" ] || untouched
    failed_at "$1"
  }
  # Inherited from the directory above.
  if [ -n "$2" ] && [ -g "$1" ]; then chmod "$2" "$1"; fi
}

# remove_directory PATH: an empty one, and those above it that came with it.
remove_directory() {
  ops_missing=0
  if [ -f "$keep.missing" ]; then read -r ops_missing <"$keep.missing" || ops_missing=0; fi
  if [ -d "$1" ]; then rmdir "$1"; fi
  ops_above=${1%/*}
  while [ "$ops_missing" -gt 0 ]; do
    # It may have been killed before it made them all.
    if [ -d "$ops_above" ]; then rmdir "$ops_above"; fi
    ops_above=${ops_above%/*}
    ops_missing=$((ops_missing - 1))
  done
}

# need_program NAME: fails by name where the host has no such program.
need_program() {
  command -v "$1" >/dev/null 2>&1 || {
    echo "the host has no $1" >&2
    return 1
  }
}

# inflate_file COMPRESSED FILE: the bytes that gzip made COMPRESSED of.
inflate_file() {
  need_program gzip
  gzip -dc <"$1" >|"$2"
}

# fetch_to FILE ADDRESS CONFIGURATION: with curl, which reads its configuration from a pipe, else with wget.
fetch_to() {
  if command -v curl >/dev/null 2>&1; then
    printf '%s\n' "$3" | curl -fsSL --retry 2 -o "$1" -K -
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$1" "$2" || {
      echo "wget failed with code $?" >&2
      return 1
    }
  else
    echo "the host has neither curl nor wget" >&2
    return 1
  fi
}

# expect_archive FILE SUM: fails unless the archive has this checksum.
expect_archive() {
  is_known "$1" "$2" && return 0
  ops_sum=$(sha256sum <"$1")
  [ "${ops_sum%% *}" = "$2" ] || {
    echo "the checksum of the archive is ${ops_sum%% *}, not $2" >&2
    return 1
  }
}
