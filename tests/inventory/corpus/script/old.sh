#!/bin/sh
case $1 in
--list) echo '{"old": {"hosts": ["o1", "d2"]}}' ;;
--host) echo "{\"named\": \"$2\"}" ;;
esac
