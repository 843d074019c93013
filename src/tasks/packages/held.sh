# find_held CALL: sets `named` to what is said of the packages that are held, where apt could go on without that, and `names` to
# their names, each behind a blank. Needs apt_get.
find_held() {
  named=
  names=
  held=$(dpkg-query -W -f '${db:Status-Want} ${Package}\n' | sed -n 's/^hold //p')
  [ -n "$held" ] || return 0
  for one in $(apt_get -s -qq -o APT::Ignore-Hold=true --allow-change-held-packages "$@" 2>/dev/null |
    awk '$1 == "Inst" && $3 ~ /^\[/ { gsub(/[][()]/, ""); print $2 "=" $3 "=" $4 } $1 == "Remv" { gsub(/[][]/, ""); print $2 "=" $3 "=" }'); do
    name=${one%%=*}
    versions=${one#*=}
    for other in $held; do
      [ "$other" = "${name%%:*}" ] || continue
      wanted=${versions#*=}
      named="${named:+$named, }$name is held at version ${versions%%=*}, and would have to ${wanted:+become $wanted}"
      [ -n "$wanted" ] || named="${named}go"
      names="$names $name"
    done
  done
}

