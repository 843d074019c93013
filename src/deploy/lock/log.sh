# The log of a lock on a host: a directory with an entry for each time that it was taken or given up. An entry is a
# file that is named after its number and made by `ln`, which fails where there is one: of all who want the next number
# one gets it. The highest entry says how it stands.
#
#   held LEASE ID {who}   taken, for LEASE seconds since the entry or its `lease.NUMBER` was written
#   free 0 ID {how}       given up by ID, or taken away from it
#
# Numbers begin at 1000000001: all have the same width, so a glob sorts them, and none is octal.
#
# l_d the directory, l_id who asks, l_new a file that only who asks writes

# The highest entry: its number into l_n, its words into l_k, l_t, l_i and l_j.
l_top() {
for l_f in "$l_d"/1?????????; do :; done
l_n=1000000000 l_k=free l_t=0 l_i= l_j=
if [ -e "$l_f" ]; then l_n=${l_f##*/} l_k=; read -r l_k l_t l_i l_j <"$l_f"; fi
}

# How long ago it was made or renewed, in seconds, into l_a.
l_age() {
set -- $(date +%s; stat -c %Y "$l_d/$l_n" "$l_d/lease.$l_n" 2>/dev/null)
l_a=0
if [ $# -gt 2 ] && [ "$3" -gt "$2" ]; then l_a=$(($1 - $3)); elif [ $# -gt 1 ]; then l_a=$(($1 - $2)); fi
}

l_say() { printf '%s\n' "$l_n $l_a $l_k $l_t $l_i $l_j"; }

# Makes the next entry.
l_put() { printf '%s\n' "$1" >"$l_new" && ln "$l_new" "$l_d/$((l_n + 1))"; }

# The same once more. Not by a builtin: that of dash does not say why it fails.
l_try() { printf '%s\n' "$1" | cat >"$l_new" && ln "$l_new" "$l_d/$((l_n + 1))"; }

# Looks. Writes nothing.
l_look() { l_top; l_a=0; case $l_k in free) ;; *) l_age;; esac; l_say; }

# Takes it for l_id, who is l_info, unless it is held: then says by whom.
l_take() {
umask 077
[ -d "$l_d" ] || mkdir -p "$l_d" || exit 1
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
rm -f "$l_d/$((l_m + 1))"
else
l_top
if [ "$l_n" = "$l_m" ] && ! l_try "held $l_lease $l_id $l_info"; then exit 1; fi
fi
done
set -- "$l_d"/new.*
for l_f in "$l_d"/1?????????; do
l_x=${l_f##*/}
if [ "$l_x" -lt $((l_n - 20)) ]; then set -- "$@" "$l_f" "$l_d/lease.$l_x"; fi
done
rm -f -- "$@"
printf 'got %s %s\n' "$l_n" "$l_d"
case $l_w in '') ;; *) printf '%s\n' "$l_w";; esac
}

# Frees it if l_victim holds it; says how it stands then.
l_free() {
umask 077
l_top
if [ "$l_k" = held ] && [ "$l_i" = "$l_victim" ]; then
l_m=$l_n
if ! l_put "free 0 $l_victim $l_info" 2>/dev/null; then
l_top
if [ "$l_n" = "$l_m" ] && ! l_try "free 0 $l_victim $l_info"; then rm -f "$l_new"; exit 1; fi
fi
rm -f "$l_d/lease.$l_m"
l_top
fi
if [ -e "$l_new" ]; then rm -f "$l_new"; fi
l_a=0; l_say
}

# Renews the lease, if l_id still holds it; says how it stands.
l_renew() {
l_top
if [ "$l_k" = held ] && [ "$l_i" = "$l_id" ]; then { echo >"$l_d/lease.$l_n"; } || exit 1; fi
l_a=0; l_say
}

# All locks of the host.
l_list() { for l_d in "$ops_state"/locks/*; do if [ -d "$l_d" ]; then printf "%s " "${l_d##*/}"; l_look; fi; done; }
