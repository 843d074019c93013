//! What templates in values do where Ansible has rules of its own. The corpus `templates` compares results.

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
fn members_render_when_they_are_asked_for() {
    let inventory = values(
        "paths: {dir: {init: /etc/init.d}, files: {mon: '{{ paths.dir.init }}/mon'}, list: ['{{ paths.files.mon }}']}\n\
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
        json!({"dir": {"init": "/etc/init.d"}, "files": {"mon": "/etc/init.d/mon"}, "list": ["/etc/init.d/mon"]})
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
        error.contains("it refers to itself: `round.a` → `round.b` → `round.a`"),
        "{error}"
    );
}

#[test]
fn what_is_undefined_can_be_looked_into_and_not_used() {
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

#[test]
fn what_is_missing_is_refused_by_its_name() {
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
            "there is no filter `json_query` | JMESPath is not available",
        ),
        ("b", "there is no filter `nosuch`"),
        ("c", "there is no test `nosuch`"),
        ("d", "there is no test `file` | Files of the controller"),
        (
            "e",
            "the lookup `community.general.dig` is not available | Only `env`",
        ),
        ("f", "password_hash: `md5` is not available"),
        ("g", "`append` would change a value in its place"),
        ("h", "there is no function `nosuch`"),
        ("i", "there is no filter `commnt` | Did you mean `comment`?"),
        ("j", "`%d` takes a number, not string"),
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
    // Where each name is that of a variable it is a template, as it is for Ansible.
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
        error.contains(
            "it lies in an encrypted file, and cannot be rendered | If it is no template"
        ),
        "{error}"
    );
    assert!(!error.contains("nosuch"), "{error}");
}
