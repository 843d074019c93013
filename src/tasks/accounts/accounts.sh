# What the scripts of users::* and groups::* are made of: the shadow tools where the host has them, else BusyBox's.

has() { command -v "$1" >/dev/null; }

# add_group NAME GID SYSTEM
add_group() {
  if has groupadd; then
    groupadd ${2:+-g "$2"} ${3:+-r} -- "$1"
  else
    addgroup ${2:+-g "$2"} ${3:+-S} "$1"
  fi
}

remove_group() {
  if has groupdel; then groupdel -- "$1"; else delgroup "$1"; fi
}

# set_gid GROUP GID
set_gid() {
  if has groupmod; then groupmod -g "$2" -- "$1"; else set_field /etc/group "$1" 3 "$2"; fi
}

# set_field FILE NAME NUMBER VALUE: for hosts without usermod. The file is replaced in one step.
set_field() {
  cp -p "$1" "$1.ops-new"
  ops_name=$2 ops_at=$3 ops_value=$4 awk -F: -v OFS=: \
    '$1 == ENVIRON["ops_name"] { $(ENVIRON["ops_at"] + 0) = ENVIRON["ops_value"] } { print }' "$1" >"$1.ops-new"
  mv -f "$1.ops-new" "$1"
}

# gid_of GROUP: prints it.
gid_of() {
  if has getent; then getent group "$1"; else grep "^$1:" /etc/group; fi | cut -d: -f3
}

# set_user NAME OPTION VALUE: an option of usermod.
set_user() {
  if has usermod; then
    usermod "$2" "$3" -- "$1"
    return
  fi
  case $2 in
    -u) set_field /etc/passwd "$1" 3 "$3";;
    -g) set_field /etc/passwd "$1" 4 "$(gid_of "$3")";;
    -c) set_field /etc/passwd "$1" 5 "$3";;
    -d) set_field /etc/passwd "$1" 6 "$3";;
    -s) set_field /etc/passwd "$1" 7 "$3";;
  esac
}

# join_group USER GROUP, leave_group USER GROUP
join_group() {
  if has usermod; then usermod -a -G "$2" -- "$1"; else addgroup "$1" "$2"; fi
}
leave_group() {
  if has gpasswd; then gpasswd -d "$1" "$2" >/dev/null; else delgroup "$1" "$2"; fi
}

# set_hash USER: the hash comes on standard input, for an argument is seen by everybody.
set_hash() {
  IFS= read -r hash
  printf '%s:%s\n' "$1" "$hash" | chpasswd -e
}

# keep_hash USER, give_back_hash USER
keep_hash() {
  keep_dir
  (umask 077; sed -n "s/^$1:\([^:]*\):.*/\1/p" /etc/shadow >"$keep.hash")
}
give_back_hash() {
  # An empty one is one that did not fit on the disk.
  if [ -s "$keep.hash" ]; then set_hash "$1" <"$keep.hash"; fi
}

# make_home USER HOME MODE: where it is missing.
make_home() {
  if [ -d "$2" ]; then return; fi
  keep_dir
  printf '%s\n' "$2" >"$keep.made-home"
  umask 022
  mkdir -p -- "$2"
  if [ -d /etc/skel ]; then cp -R /etc/skel/. "$2"; fi
  chown -R "$1:" "$2"
  chmod "$3" "$2"
}

# remove_user NAME
remove_user() {
  if has userdel; then userdel -- "$1"; else deluser "$1"; fi
}

# For an undo of what may not have been done.
remove_user_if_there() {
  if id -u -- "$1" >/dev/null 2>&1; then remove_user "$1"; fi
}
leave_group_if_in() {
  case " $(id -Gn -- "$1" 2>/dev/null) " in *" $2 "*) leave_group "$1" "$2";; esac
}

# The primary group may go with its user.
remove_group_if_there() {
  if [ -n "$(gid_of "$1")" ]; then remove_group "$1"; fi
}

# home_of USER: prints it.
home_of() {
  if has getent; then getent passwd "$1"; else grep "^$1:" /etc/passwd; fi | cut -d: -f6
}

# set_keys USER HOME: the keys come on standard input. The file is replaced in one step, and belongs to the user.
set_keys() {
  keep_dir
  if [ -f "$2/.ssh/authorized_keys" ]; then cp -p "$2/.ssh/authorized_keys" "$keep.keys"; fi
  # Says that the keys are kept, all of them: so it comes after them.
  printf '%s\n' "$2" >"$keep.keys-home"
  umask 077
  # Root writes into a directory of the user's: what the user may have put there is not followed.
  if [ -h "$2/.ssh" ]; then
    echo "$2/.ssh is a symbolic link" >&2
    return 1
  fi
  if ! [ -d "$2/.ssh" ]; then
    mkdir -p -- "$2/.ssh"
    chown "$1:" "$2/.ssh"
    : >"$keep.made-ssh"
  fi
  rm -f "$2/.ssh/.ops-keys"
  set -C
  cat >"$2/.ssh/.ops-keys"
  chown "$1:" "$2/.ssh/.ops-keys"
  mv -f "$2/.ssh/.ops-keys" "$2/.ssh/authorized_keys"
}
give_back_keys() {
  [ -s "$keep.keys-home" ] || return 0
  IFS= read -r home <"$keep.keys-home"
  if [ -f "$keep.keys" ]; then
    cp -p "$keep.keys" "$home/.ssh/authorized_keys"
  else
    rm -f "$home/.ssh/authorized_keys"
  fi
  if [ -f "$keep.made-ssh" ]; then rmdir "$home/.ssh" 2>/dev/null || :; fi
}

# The home directory that was made goes, with what has come into it since.
remove_made_home() {
  [ -s "$keep.made-home" ] || return 0
  IFS= read -r home <"$keep.made-home"
  case $home in /*/*) rm -rf -- "$home";; esac
}
