//! Tests of templates in values for which Ansible has special rules. The corpus `templates` compares results.

use serde_json::{Value, json};

use super::{data, load_case, load_text};
use crate::inventory::Inventory;

fn values(text: &str) -> Inventory {
    let mut file = String::from("all:\n  hosts:\n    h:\n");
    for line in text.lines() {
        file += &format!("      {line}\n");
    }
    load_text("hosts.yml", &file).unwrap()
}

fn value(inventory: &Inventory, name: &str) -> Value {
    let host = inventory.host("h").unwrap().clone();
    let value = inventory.var(&host, name);
    value
        .unwrap_or_else(|error| panic!("{error}"))
        .unwrap_or_default()
}

fn error(inventory: &Inventory, name: &str) -> String {
    let host = inventory.host("h").unwrap().clone();
    let error = inventory.var(&host, name).expect_err(name);
    format!("{error} | {}", error.hint.clone().unwrap_or_default())
}

#[test]
fn members_are_rendered_on_use() {
    let inventory = values(
        "paths: {dir: {init: /etc/init.d}, files: {mon: '{{ paths.dir.init }}/mon'}, \
         list: ['{{ paths.files.mon }}']}\n\
         one: '{{ paths.list[0] }}'\n\
         broken: {good: 1, bad: '{{ nope }}', deep: {x: '{{ broken.good }}'}}\n\
         good: '{{ broken.good + broken.deep.x | int }}'\n\
         bad: '{{ broken.bad }}'\n\
         all: '{{ broken }}'\n\
         round: {a: '{{ round.b }}', b: '{{ round.a }}', c: 1}\n\
         c: '{{ round.c }}'\n",
    );
    assert_eq!(
        value(&inventory, "paths"),
        json!({
            "dir": {"init": "/etc/init.d"},
            "files": {"mon": "/etc/init.d/mon"},
            "list": ["/etc/init.d/mon"],
        })
    );
    assert_eq!(value(&inventory, "one"), "/etc/init.d/mon");
    assert_eq!(value(&inventory, "good"), 2);
    assert_eq!(value(&inventory, "c"), 1);
    for name in ["bad", "all", "broken"] {
        let error = error(&inventory, name);
        assert!(
            error.contains("variable `broken.bad` of host h: `nope` is not defined"),
            "{error}"
        );
    }
    let error = error(&inventory, "round");
    assert!(
        error.contains("circular reference: `round.a` → `round.b` → `round.a`"),
        "{error}"
    );
}

#[test]
fn undefined_values_can_be_indexed_but_not_used() {
    let inventory = values(
        "have: {a: 1}\n\
         broken: '{{ gone }}'\n\
         a: \"{{ gone.b | default('x') }}\"\n\
         b: '{{ gone.b is defined }}'\n\
         c: \"{{ have.b.c | default('x') }}\"\n\
         d: \"{{ broken.x['y'] | default('x') }}\"\n\
         e: '{{ [broken is defined, have.a is defined] }}'\n\
         f: \"{{ {'k': gone | default(omit), 'l': 1} }}\"\n\
         g: '{{ gone | default(omit) }}'\n\
         u1: '{{ gone.b }}'\n\
         u2: \"{{ 'x' ~ have.b.c ~ 'y' }}\"\n\
         u3: \"{{ 'y' if gone.b else 'n' }}\"\n\
         u4: '{% for x in gone %}{% endfor %}'\n\
         u5: '{{ broken }}'\n\
         u6: '{{ gone == 1 }}'\n\
         u7: '{{ [1, gone] }}'\n\
         u8: \"{{ [{'n': 1}, {}] | map(attribute='n') }}\"\n\
         u9: \"{{ [{'n': 1}, {}] | selectattr('n') }}\"\n\
         u10: '{{ gone | length }}'\n",
    );
    for (name, expected) in [
        ("a", json!("x")),
        ("b", json!(false)),
        ("c", json!("x")),
        ("d", json!("x")),
        ("e", json!([false, true])),
        ("f", json!({"l": 1})),
        ("g", json!(null)),
    ] {
        assert_eq!(value(&inventory, name), expected, "{name}");
    }
    for (name, undefined) in [
        ("u1", "gone.b"),
        ("u2", "have.b.c"),
        ("u3", "gone.b"),
        ("u4", "gone"),
        ("u5", "gone"),
        ("u6", "gone"),
        ("u7", "gone"),
        ("u8", "n"),
        ("u9", "n"),
        ("u10", "gone"),
    ] {
        let error = error(&inventory, name);
        assert!(
            error.contains(&format!("`{undefined}` is not defined")),
            "{name}: {error}"
        );
    }
}

/// The engine treats an undefined value as empty in many places.
#[test]
fn undefined_values_are_refused_by_every_filter_and_test() {
    let cases = [
        ("gone | groupby('n')", "gone"),
        ("gone | tojson", "gone"),
        ("{'a': gone} | tojson", "gone"),
        ("gone | escape", "gone"),
        ("gone | e", "gone"),
        ("gone | truncate(3)", "gone"),
        ("gone | striptags", "gone"),
        ("gone | filesizeformat", "gone"),
        ("gone.x | first", "gone.x"),
        ("gone | last", "gone"),
        ("gone | max", "gone"),
        ("gone | min", "gone"),
        ("gone | sort", "gone"),
        ("[1, gone] | sort", "gone"),
        ("gone | items", "gone"),
        ("gone | abs", "gone"),
        ("gone | dictsort", "gone"),
        ("gone | split(',')", "gone"),
        ("gone | upper", "gone"),
        ("gone | reverse", "gone"),
        ("gone | batch(2)", "gone"),
        ("'a' | replace('a', gone)", "gone"),
        ("[1] | select('equalto', gone)", "gone"),
        ("[{'n': 1}] | rejectattr('n', 'eq', gone)", "gone"),
        ("1 is equalto gone", "gone"),
        ("gone is none", "gone"),
        ("gone is string", "gone"),
        ("gone is sequence", "gone"),
        ("gone is in [1]", "gone"),
        ("[{'n': 1}, {}] | sort(attribute='n')", "n"),
        (
            "[{'n': 1, 'm': 2}, {'n': 2}] | sort(attribute='n,m')",
            "n,m",
        ),
        ("[{'n': 1}, {}] | unique(attribute='n')", "n"),
        ("[{'n': 1}, {}] | max(attribute='n')", "n"),
        ("[{'n': 1}, {}] | min(attribute='n')", "n"),
        ("[{'n': 1}, {}] | groupby('n')", "n"),
        ("[{'n': 1}, {}] | groupby(attribute='n')", "n"),
        ("[{'n': 1}, {}] | join(attribute='n')", "n"),
        ("[{'n': 1}, {}] | sum(attribute='n')", "n"),
        ("[1] | sort(attribute='q')", "q"),
    ];
    let text: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(at, (expression, _))| format!("u{at}: \"{{{{ {expression} }}}}\""))
        .collect();
    let inventory = values(&text.join("\n"));
    let mut wrong = Vec::new();
    for (at, (expression, undefined)) in cases.into_iter().enumerate() {
        let name = format!("u{at}");
        let host = inventory.host("h").unwrap().clone();
        let shown = match inventory.var(&host, &name) {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.to_string(),
        };
        if !shown.ends_with(&format!(": `{undefined}` is not defined")) {
            wrong.push(format!("{expression}: {shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn defined_values_are_filtered_and_tested_as_usual() {
    let inventory = values(
        "have: [{n: 2, m: {k: x}}, {n: 1, m: {k: y}}]\n\
         a: \"{{ have | sort(attribute='n') | map(attribute='n') }}\"\n\
         b: \"{{ (have | max(attribute='n')).n }}\"\n\
         c: \"{{ have | groupby('m.k') | map('first') }}\"\n\
         d: \"{{ [{'n': 1}, {}] | groupby('n', default=0) | map('first') }}\"\n\
         e: \"{{ 'a b' | truncate(length=2, killwords=true, end='', leeway=0) }}\"\n\
         f: \"{{ [1, 2] | select('equalto', 2) }}\"\n\
         g: \"{{ [gone is defined, none is none, 'x' is in ['x'], 4 is divisibleby 2] }}\"\n\
         h: \"{{ [gone, 1] | last }}\"\n\
         i: \"{{ have | sort(reverse=true, attribute='n') | map(attribute='n') }}\"\n\
         j: \"{{ {'b': 1, 'a': 2} | dictsort(reverse=true) | map('first') }}\"\n",
    );
    for (name, expected) in [
        ("a", json!([1, 2])),
        ("b", json!(2)),
        ("c", json!(["x", "y"])),
        ("d", json!([0, 1])),
        ("e", json!("a ")),
        ("f", json!([2])),
        ("g", json!([false, true, true, true])),
        ("h", json!(1)),
        ("i", json!([2, 1])),
        ("j", json!(["b", "a"])),
    ] {
        assert_eq!(value(&inventory, name), expected, "{name}");
    }
}

#[test]
fn an_undefined_result_is_reported_as_an_expression() {
    let inventory = values("have: {a: 1}\nr: \"{{ 'b' | extract(have) }}\"\n");
    let error = error(&inventory, "r");
    assert!(
        error.contains("the result of `'b' | extract(have)` is not defined"),
        "{error}"
    );
}

/// Parts of a secret are not recognized when output is redacted.
#[test]
fn an_error_does_not_show_any_part_of_a_value_given_to_a_filter() {
    // Each of these filters would otherwise quote a part of the value: a character, a conversion, a group, a
    // port.
    let cases = [
        ("b64decode", "Zx{Qw%KvJj"),
        ("b64decode(encoding=s)", "ZxQwKvJj.Kv"),
        ("strftime", "Zx%K%QQJj"),
        ("format('x')", "Zx%KQQJj"),
        ("format(1)", "Zx%(KvJj)s"),
        ("bool", " ZxQwKvJj "),
        ("regex_search(s)", "Zx(Qw[KvJj"),
        ("regex_replace(s, 'x')", "Zx(Qw[KvJj"),
        ("regex_findall(s)", "Zx*+?{Qw"),
        ("regex_replace('.', s)", "Zx\\g<KvJj>Qw"),
        ("from_json", "{ZxQw: KvJj"),
        ("from_yaml", "Zx: *KvJjQw"),
        ("from_yaml", "{Kv: 1, Kv: 2, Zx"),
        ("urlsplit('port')", "http://a:KvJj/"),
        ("urlsplit(s)", "ZxQw KvJj"),
        ("human_to_bytes", "12 KvJjQw"),
        ("to_uuid(s)", "ZxQwKvJj"),
        ("ipmath(1)", "ZxQw.KvJj"),
        ("map(s)", "ZxQw KvJj"),
        ("select(s)", "ZxQw KvJj"),
        ("subelements(s)", "ZxQw.KvJj"),
        ("int | log", "-12345678"),
        ("length | strftime(s)", "Zx-KvJj"),
    ];
    for (filter, secret) in cases {
        let inventory = values(&format!(
            "s: !unsafe '{secret}'\nr: \"{{{{ {} | {filter} }}}}\"\n",
            if filter.starts_with("map") || filter.starts_with("sel") || filter.starts_with("sub") {
                "[{}]"
            } else {
                "s"
            }
        ));
        shows_nothing_of(&inventory, secret, filter);
    }
    for (test, secret) in [
        ("s is version('1.2', '>')", "1.KvJj"),
        ("s is version('1.2', '>', strict=true)", "ZxQw.KvJj"),
        (
            "s is version('1.2', '>', version_type='semver')",
            "ZxQw.KvJj",
        ),
        ("'x' is match(s)", "Zx(Qw[KvJj"),
        ("now(fmt=s)", "Zx%K%QQJj"),
        ("s % 1", "Zx%KQQJj"),
        ("lookup(s, 1)", "ZxQw.KvJj"),
        ("(s | int) // 0", "0012345678"),
    ] {
        let inventory = values(&format!("s: !unsafe '{secret}'\nr: \"{{{{ {test} }}}}\"\n"));
        shows_nothing_of(&inventory, secret, test);
    }
}

fn shows_nothing_of(inventory: &Inventory, secret: &str, what: &str) {
    let host = inventory.host("h").unwrap().clone();
    let Err(error) = inventory.var(&host, "r") else {
        panic!("{what} accepts {secret}");
    };
    // The whole secret is redacted. The name of the temporary directory is random.
    let shown = error.to_string().replace(secret.trim(), "");
    let shown = shown
        .split_once("hosts.yml")
        .map_or(shown.as_str(), |(_, rest)| rest);
    let shown = format!("{shown} {}", error.hint.unwrap_or_default());
    for piece in ["Kv", "Jj", "Qw", "Zx", "%K", "QQ", "123", "{"] {
        assert!(!shown.contains(piece), "{what}, {secret}: {shown}");
    }
}

#[test]
fn missing_filters_and_tests_are_refused_by_name() {
    let inventory = values(
        "a: '{{ 1 | json_query(1) }}'\n\
         b: \"{{ [1] | map('nosuch') }}\"\n\
         c: \"{{ [1] | select('nosuch') }}\"\n\
         d: \"{{ '/x' is file }}\"\n\
         e: \"{{ lookup('community.general.dig', 'x') }}\"\n\
         f: \"{{ 'x' | password_hash('md5', 'abc') }}\"\n\
         g: \"{% set _ = [1].append(2) %}\"\n\
         h: '{{ nosuch(1) }}'\n\
         i: \"{{ 'x' | commnt }}\"\n\
         j: \"{{ '%d' % 'x' }}\"\n",
    );
    for (name, words) in [
        (
            "a",
            "unknown filter `json_query` | JMESPath is not available",
        ),
        ("b", "unknown filter `nosuch`"),
        ("c", "unknown test `nosuch`"),
        ("d", "unknown test `file` | Files of the controller"),
        (
            "e",
            "the lookup `community.general.dig` is not available | Only `env`",
        ),
        ("f", "password_hash: `md5` is not available"),
        ("g", "`append` would change a value in place"),
        ("h", "unknown function `nosuch`"),
        ("i", "unknown filter `commnt` | Did you mean `comment`?"),
        ("j", "`%`: needs a number, not string"),
    ] {
        let error = error(&inventory, name);
        assert!(error.contains(words), "{name}: {error}");
    }
}

#[test]
fn unsafe_values_are_kept_at_any_depth() {
    let inventory = values(
        "a: !unsafe ['{{ w }}', {k: '{% x'}]\n\
         b: !unsafe {x: '{{ w }}', y: ['{{ z }}', 1]}\n\
         c: '{{ b.y[0] }}{{ a[1].k }}'\n",
    );
    assert_eq!(value(&inventory, "a"), json!(["{{ w }}", {"k": "{% x"}]));
    assert_eq!(
        value(&inventory, "b"),
        json!({"x": "{{ w }}", "y": ["{{ z }}", 1]})
    );
    assert_eq!(value(&inventory, "c"), "{{ z }}{% x");
}

#[test]
fn braces_in_a_decrypted_file_are_data() {
    let case = json!({ "sources": ["hosts"], "vault_password": "password" });
    let inventory = load_case(&data("sealed"), &case).unwrap();
    assert_eq!(value(&inventory, "password_one"), "q{{OtherWord}}z");
    assert_eq!(value(&inventory, "password_two"), "x{%Two y");
    assert_eq!(
        value(&inventory, "password_three"),
        json!(["a{#b", "{{1}}"])
    );
    // If each name is that of a variable, the text is a template, like in Ansible.
    assert_eq!(
        value(&inventory, "address"),
        "db://shop:s3cret-pw@example.org"
    );
    assert!(
        inventory
            .secrets()
            .contains(&"db://shop:s3cret-pw@example.org".to_owned())
    );
    let error = error(&inventory, "wrong");
    assert!(
        error.contains("a text in an encrypted file cannot be rendered | If it is not a template"),
        "{error}"
    );
    assert!(!error.contains("nosuch"), "{error}");
}
