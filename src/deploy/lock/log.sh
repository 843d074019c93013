# The log of a lock on a host: a directory with an entry for each time that it was taken or given up. An entry is a
# file that is named after its number and made by `ln`, which fails where there is one: of all who want the next number
# one gets it. The highest entry says how it stands.
#
#   held LEASE ID {who}   taken, for LEASE seconds since the entry was written; a renewal adds an empty line
#   free 0 ID {how}       given up by ID, or taken away from it
#
# Numbers begin at 1000000001: all have the same width, so a glob sorts them, and none is octal.
#
# In a state directory that several users share (`$ops_all`) there are no directories, for their owner could remove what
# others put there: the entries are files of their makers in the shared directory itself, where the sticky bit protects them.
# Anybody can put something there, so what is no plain file is passed over, and nothing is written but to a file of one's own.
#
# l_p what the names of the entries begin with, l_id who asks, l_new a file that only who asks writes, l_o what its name
# begins with

# The highest entry: its number into l_n, its words into l_k, l_t, l_i and l_j.
l_top() {
l_n=1000000000 l_k=free l_t=0 l_i= l_j= l_g=
for l_f in "$l_p"1?????????; do if [ -f "$l_f" ] && ! [ -h "$l_f" ]; then l_g=$l_f; fi; done
case $l_g in '') ;; *) l_n=${l_g#"$l_p"} l_k=; read -r l_k l_t l_i l_j <"$l_g";; esac
}

# How long ago it was made or renewed, in seconds, into l_a.
l_age() {
set -- $(date +%s; stat -c %Y "$l_p$l_n" 2>/dev/null)
l_a=0
[ $# -lt 2 ] || l_a=$(($1 - $2))
}

l_say() { printf '%s\n' "$l_n $l_a $l_k $l_t $l_i $l_j"; }

# Makes the next entry.
l_put() { printf '%s\n' "$1" >"$l_new" && ln "$l_new" "$l_p$((l_n + 1))"; }

# The same once more. Not by a builtin: that of dash does not say why it fails.
l_try() { printf '%s\n' "$1" | cat >"$l_new" && ln "$l_new" "$l_p$((l_n + 1))"; }

# Makes the directories of who asks. Sets the umask.
l_own() {
umask 077
l_f=$l_p
case $ops_all in ?*) l_f=$ops_state;; esac
[ -d "$l_f" ] || mkdir -p "$l_f" || exit 1
case $ops_all in ?*)
umask 022
[ -O "$l_f" ] && ! [ -h "$l_f" ] || { echo "$l_f belongs to another user" >&2; exit 1; };;
esac
}

# Looks. Writes nothing.
l_look() { l_top; l_a=0; case $l_k in free) ;; *) l_age;; esac; l_say; }

# Takes it for l_id, who is l_info, unless it is held: then says by whom.
l_take() {
l_own
l_w=
while :; do
l_top
if [ "$l_k" != free ]; then
if [ "$l_i" = "$l_id" ]; then break; fi
l_age
if [ "$l_a" -le "${l_t:-90}" ]; then rm -f "$l_new"; l_say; exit 0; fi
l_w="$l_k $l_t $l_i $l_j"
fi
l_m=$l_n
if l_put "held $l_lease $l_id $l_info" 2>/dev/null; then
l_top
if [ "$l_i" = "$l_id" ]; then break; fi
rm -f "$l_p$((l_m + 1))"
else
l_top
if [ "$l_n" = "$l_m" ] && ! l_try "held $l_lease $l_id $l_info"; then exit 1; fi
fi
done
set -- "$l_o"*
for l_f in "$l_p"1?????????; do
if [ "${l_f#"$l_p"}" -lt $((l_n - 20)) ] && [ -O "$l_f" ]; then set -- "$@" "$l_f"; fi
done
rm -f -- "$@"
printf 'got %s %s\n' "$l_n" "$l_p"
case $l_w in '') ;; *) printf '%s\n' "$l_w";; esac
}

# Frees it if l_victim holds it; says how it stands then.
l_free() {
l_top
if [ "$l_k" = held ] && [ "$l_i" = "$l_victim" ]; then
l_own
l_m=$l_n
if ! l_put "free 0 $l_victim $l_info" 2>/dev/null; then
l_top
if [ "$l_n" = "$l_m" ] && ! l_try "free 0 $l_victim $l_info"; then rm -f "$l_new"; exit 1; fi
fi
l_top
fi
if [ -e "$l_new" ]; then rm -f "$l_new"; fi
l_a=0; l_say
}

# Renews the lease, if l_id still holds it; says how it stands.
l_renew() {
l_top
if [ "$l_k" = held ] && [ "$l_i" = "$l_id" ]; then { echo >>"$l_p$l_n"; } || exit 1; fi
l_a=0; l_say
}

# All locks of the host.
l_list() {
for l_p in "$ops_state"/locks/*/; do
if [ -d "$l_p" ]; then l_q=${l_p%/}; printf '%s ' "${l_q##*/}"; l_look; fi
done
l_q=
for l_x in "$ops_all"/lock.*.1?????????; do
l_p=${l_x%??????????}
if [ -e "$l_x" ] && [ "$l_p" != "$l_q" ]; then l_q=$l_p; l_f=${l_p##*/lock.}; printf '%s ' "${l_f%.}"; l_look; fi
done
}
