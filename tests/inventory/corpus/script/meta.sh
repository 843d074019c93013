#!/bin/sh
cat <<'JSON'
{"dyn": {"hosts": ["d1", "d2"], "vars": {"a": 1, "who": "dyn"}, "children": ["kids"]},
 "parent": {"children": ["dyn"], "vars": {"who": "parent", "p": true}},
 "kids": {"hosts": ["k1"]},
 "plain": ["p1", "d1"],
 "_meta": {"hostvars": {"d1": {"x": "1", "l": [1, null, "s"]}, "k1": {"who": "k1"}}}}
JSON
