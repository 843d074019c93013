//! Tests of the whole inventory by data: `tests/inventory/corpus` contains inventories and how the real
//! Ansible reads them (written by `compare.py` there), `tests/inventory/errors` contains mistakes and their
//! messages.

mod connections;
mod errors;
mod limits;
mod templates;
mod values;
mod warnings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Inventory, InventoryError, Sources, VaultPasswordFile, load};

fn data(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/inventory")
        .join(below)
}

fn read_json(path: &Path) -> Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn strings(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Loads the inventory of a case, whose sources are relative to its directory.
fn load_case(dir: &Path, case: &Value) -> Result<Inventory, InventoryError> {
    let place = |name: String| {
        if name.contains(',') {
            PathBuf::from(name)
        } else {
            dir.join(name)
        }
    };
    let password = case["vault_password"].as_str();
    load(&Sources {
        paths: strings(&case["sources"]).into_iter().map(place).collect(),
        playbook_dir: case["playbook_dir"].as_str().map(|name| dir.join(name)),
        vault_passwords: password
            .map(|name| VaultPasswordFile {
                label: None,
                path: dir.join(name),
                named_at: None,
            })
            .into_iter()
            .collect(),
        defaults: crate::model::Vars::new(),
        extra_vars: case["extra_vars"]
            .as_object()
            .cloned()
            .unwrap_or_default()
            .into_iter()
            .collect(),
    })
}

fn cases(below: &str) -> Vec<(PathBuf, Value)> {
    let entries = std::fs::read_dir(data(below)).unwrap();
    let dirs = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("case.json").is_file());
    let mut cases: Vec<_> = dirs
        .map(|dir| (dir.clone(), read_json(&dir.join("case.json"))))
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!cases.is_empty());
    cases
}

/// Sorts the lists whose order is unspecified according to the case.
fn sort_unordered(value: &mut Value, case: &Value) {
    for name in strings(&case["unordered"]) {
        let lists = [format!("/patterns/{name}"), format!("/groups/{name}/hosts")];
        for list in lists {
            if let Some(Value::Array(items)) = value.pointer_mut(&list) {
                items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            }
        }
    }
}

/// The contents of this inventory, in the form that `compare.py` writes.
fn answers(inventory: &Inventory, case: &Value) -> Value {
    let mut hosts = Map::new();
    for host in inventory.hosts() {
        let mut vars = BTreeMap::new();
        for (name, var) in host.vars() {
            let value = if case["render"] == true {
                inventory
                    .var(host, name)
                    .unwrap_or_else(|error| Some(error.to_string().into()))
                    .unwrap()
            } else {
                var.value.clone()
            };
            vars.insert(name.to_owned(), value);
        }
        hosts.insert(
            host.name.clone(),
            json!({ "groups": &*host.groups, "vars": vars }),
        );
    }
    let mut groups = Map::new();
    for group in inventory.groups() {
        let members: Vec<&str> = inventory
            .members(group)
            .map(|host| host.name.as_str())
            .collect();
        groups.insert(
            group.name.clone(),
            json!({ "children": group.children, "hosts": members }),
        );
    }
    let mut patterns = Map::new();
    for pattern in strings(&case["patterns"]) {
        let names = match inventory.select(&pattern) {
            Ok(hosts) => hosts
                .iter()
                .map(|host| Value::from(host.name.as_str()))
                .collect(),
            Err(error) => Value::from(error.message),
        };
        patterns.insert(pattern, names);
    }
    json!({ "hosts": hosts, "groups": groups, "patterns": patterns })
}

/// Collects each location at which two values differ.
fn differences(at: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let side = |map: &Map<String, Value>| {
                    map.get(key).cloned().unwrap_or_else(|| json!("(missing)"))
                };
                differences(&format!("{at}.{key}"), &side(a), &side(b), found);
            }
        }
        _ if ours == theirs => {}
        _ => found.push(format!("{at}\n  ours   {ours}\n  theirs {theirs}")),
    }
}

#[test]
fn inventories_are_read_as_in_ansible() {
    let mut found = Vec::new();
    for (dir, case) in cases("corpus") {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let inventory = load_case(&dir, &case).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut expected = read_json(&dir.join("expected.json"));
        let mut ours = answers(&inventory, &case);
        sort_unordered(&mut expected, &case);
        sort_unordered(&mut ours, &case);
        differences(&name, &ours, &expected, &mut found);
        let order = |value: &Value| {
            value["hosts"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(order(&ours), order(&expected), "{name}: the order of hosts");
        for pattern in strings(&case["failing_patterns"]) {
            assert!(inventory.select(&pattern).is_err(), "{name}: {pattern}");
        }
    }
    assert!(
        found.is_empty(),
        "{} differences\n{}",
        found.len(),
        found.join("\n")
    );
}

/// Ten thousand hosts in each format. The time is checked only where it is meaningful: with `cargo test
/// --release`.
#[test]
fn ten_thousand_hosts_load() {
    use std::fmt::Write as _;
    let dir = tempfile::tempdir().unwrap();
    let (mut toml, mut ini, mut yaml) = (
        String::new(),
        String::new(),
        String::from("all:\n  children:\n"),
    );
    for group in 0..100 {
        writeln!(
            toml,
            "[groups.g{group}]\n\
             vars = {{ level = {group}, text = \"{{{{ inventory_hostname }}}}\" }}\n\
             [groups.g{group}.hosts]"
        )
        .unwrap();
        writeln!(ini, "[g{group}]").unwrap();
        writeln!(
            yaml,
            "    g{group}:\n      vars: {{level: {group}}}\n      hosts:"
        )
        .unwrap();
        for host in 0..100 {
            let name = format!("h{group}-{host}.example.com");
            let address = format!("10.0.{group}.{host}");
            writeln!(
                toml,
                "\"{name}\" = {{ address = \"{address}\", vars = {{ rack = {host} }} }}"
            )
            .unwrap();
            writeln!(ini, "{name} ansible_host={address} rack={host}").unwrap();
            writeln!(
                yaml,
                "        {name}: {{ansible_host: {address}, rack: {host}}}"
            )
            .unwrap();
        }
    }
    for (file, text) in [
        ("hosts.toml", toml),
        ("hosts.ini", ini),
        ("hosts.yml", yaml),
    ] {
        let path = dir.path().join(file);
        std::fs::write(&path, text).unwrap();
        let start = std::time::Instant::now();
        let inventory = load(&Sources {
            paths: vec![path],
            ..Sources::default()
        })
        .unwrap();
        let took = start.elapsed();
        assert_eq!(inventory.hosts().len(), 10_000, "{file}");
        assert_eq!(inventory.select("all:!g7").unwrap().len(), 9_900, "{file}");
        let host = inventory.host("h99-99.example.com").unwrap();
        assert_eq!(
            inventory.var(host, "rack").unwrap(),
            Some(json!(99)),
            "{file}"
        );
        eprintln!("{file}: {took:?}");
        assert!(
            cfg!(debug_assertions) || took.as_millis() < 200,
            "{file} took {took:?}"
        );
    }
}

/// Loads an inventory from one file.
fn load_text(file: &str, text: &str) -> Result<Inventory, InventoryError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    std::fs::write(&path, text).unwrap();
    load(&Sources {
        paths: vec![path],
        ..Sources::default()
    })
}
