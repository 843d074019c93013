//! Tests of the warnings about an inventory.

use std::path::Path;

use super::load_text;
use crate::inventory::{Inventory, Sources, load};

/// The warnings, with their hints, and without the directory.
fn warned(inventory: &Inventory, dir: &Path) -> Vec<String> {
    let text = |warning: &crate::inventory::Warning| {
        let hint = warning.hint().map(|hint| format!("\n{hint}"));
        let text = format!("{warning}{}", hint.unwrap_or_default());
        text.replace(&format!("{}/", dir.display()), "")
    };
    inventory.warnings().iter().map(text).collect()
}

/// The warnings for one file.
fn of(file: &str, text: &str) -> Vec<String> {
    let inventory = load_text(file, text).unwrap_or_else(|error| panic!("{error}"));
    let dir = inventory
        .hosts()
        .next()
        .and_then(|host| host.source.clone());
    let dir = dir
        .as_deref()
        .and_then(Path::parent)
        .unwrap_or(Path::new(""));
    warned(&inventory, dir)
}

#[test]
fn a_name_shared_by_a_host_and_a_group() {
    assert_eq!(
        of("hosts", "[web]\na\n[db]\nweb\n"),
        [
            "hosts:4: `web` is both a host and a group, named at hosts:1\n\
          The pattern `web` selects only the host. Rename one of them."
        ]
    );
    assert_eq!(
        of("hosts.yml", "db:\n  hosts:\n    all:\n").len(),
        1,
        "a group that always exists"
    );
    assert_eq!(
        of("hosts.toml", "[groups.web]\nhosts = [\"web\"]\n"),
        [
            "hosts.toml:2: `web` is both a host and a group, named at hosts.toml:1\n\
          The pattern `web` selects only the host. Rename one of them."
        ]
    );
}

#[test]
fn a_value_that_ends_at_a_hash() {
    assert_eq!(
        of("hosts", "a x=1 # fine\nb secret=ab#cd\n"),
        [
            "hosts:2: the value of `secret` ends at the `#`: the rest of the line is a comment\n\
          Quote it: secret='...#...'. Put a space before a `#` that starts a comment."
        ]
    );
    assert_eq!(of("hosts", "a#b\n").len(), 1, "a name");
    assert_eq!(of("hosts", "a secret='ab#cd'\n"), [""; 0]);
    assert_eq!(of("hosts", "[w]\na\n[w:vars]\nsecret=ab#cd\n"), [""; 0]);
}

#[test]
fn a_variable_that_is_set_twice() {
    assert_eq!(
        of("hosts", "a x=1 x=2\n"),
        ["hosts:1: `x` is set twice in this line: the last value is used"]
    );
    assert_eq!(
        of("hosts", "[w]\na\n[w:vars]\nx=1\ny=1\nx=2\n"),
        ["hosts:6: `x` is set twice for one group, first in line 4: the last value is used"]
    );
}

#[test]
fn a_vars_file_hidden_by_another() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("hosts"), "[web]\na\n").unwrap();
    std::fs::create_dir_all(dir.path().join("group_vars/web")).unwrap();
    std::fs::write(dir.path().join("group_vars/web.yml"), "x: 1\n").unwrap();
    let inventory = load(&Sources {
        paths: vec![dir.path().join("hosts")],
        ..Sources::default()
    })
    .unwrap();
    assert_eq!(
        warned(&inventory, dir.path()),
        [
            "group_vars/web.yml: the file is not read because group_vars/web exists too\n\
          Move both into one directory or one file."
        ]
    );
}

/// The names of the hosts in a directory with these files, and the warnings.
fn of_directory(files: &[(&str, &str)]) -> Result<(Vec<String>, Vec<String>), String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let sources = Sources {
        paths: vec![dir.path().to_owned()],
        ..Sources::default()
    };
    let inventory = load(&sources).map_err(|error| error.message)?;
    let names = inventory.hosts().map(|host| host.name.clone()).collect();
    Ok((names, warned(&inventory, dir.path())))
}

#[test]
fn files_in_a_directory_that_are_not_inventories() {
    let files = [
        ("a", "web1\n"),
        ("aws.yml", "plugin: aws_ec2\n"),
        ("settings.toml", "retries = 3\n"),
        ("settings.yaml", "retries: 3\nnested: {a: 1}\n"),
        ("tasks.yml", "- debug:\n"),
        ("hosts.yml.sample", "all:\n"),
        ("plugin.py", "import os\nprint('x')\n"),
        ("empty.yml", "---\n"),
        ("more.list", "web2\n"),
        ("notes.txt", "in silence"),
    ];
    let (names, warnings) = of_directory(&files).unwrap();
    assert_eq!(names, ["web1", "web2"]);
    assert_eq!(
        warnings,
        [
            "aws.yml:1: skipped this file: this configures an inventory plugin, which only Ansible can run\n\
             Write its output to a file: ansible-inventory -i FILE --list --yaml --output hosts.yml.",
            "hosts.yml.sample: skipped this file: its name ends in `.sample`",
            "plugin.py: skipped this file: its name ends in `.py`",
            "settings.toml:1: skipped this file: unknown table `retries`\n\
             An inventory has the tables [all], [groups.NAME] and [hosts.NAME].",
            "settings.yaml:1: skipped this file: the group `retries` must be a mapping, found a number",
            "tasks.yml:1: skipped this file: an inventory must be a mapping of groups, found a list",
        ]
    );
}

/// Otherwise its hosts would be lost.
#[test]
fn an_inventory_with_a_mistake_is_not_skipped() {
    for (file, text) in [
        ("hosts", "web1 user\n"),
        ("hosts.ini", "[web:hots]\n"),
        ("hosts.yml", "web:\n  host:\n    web1:\n"),
        ("hosts.yml", "web: [\n"),
        ("hosts.toml", "[group.web]\n"),
        ("hosts.toml", "[groups.web]\nhost = []\n"),
    ] {
        assert!(of_directory(&[(file, text)]).is_err(), "{file} {text:?}");
    }
}

#[test]
fn a_source_without_content_has_no_hosts() {
    for file in [
        "hosts",
        "hosts.ini",
        "hosts.yml",
        "hosts.json",
        "hosts.toml",
    ] {
        for text in ["", "# nothing yet\n"] {
            if let ("hosts.json", "# nothing yet\n") = (file, text) {
                continue;
            }
            assert_eq!(load_text(file, text).unwrap().hosts().len(), 0, "{file}");
        }
    }
    assert_eq!(load_text("hosts.yml", "---\n").unwrap().hosts().len(), 0);
}

/// Windows editors write a byte order mark.
#[test]
fn a_byte_order_mark_is_dropped_everywhere() {
    for (file, text) in [
        ("hosts", "\u{feff}[web]\na x=1\n"),
        ("hosts.yml", "\u{feff}web:\n  hosts:\n    a: {x: 1}\n"),
        (
            "hosts.json",
            "\u{feff}{\"web\": {\"hosts\": {\"a\": {\"x\": 1}}}}",
        ),
        (
            "hosts.toml",
            "\u{feff}[groups.web.hosts]\na = { vars = { x = 1 } }\n",
        ),
    ] {
        let inventory = load_text(file, text).unwrap_or_else(|error| panic!("{error}"));
        let host = inventory.host("a").unwrap_or_else(|| panic!("{file}"));
        assert_eq!(&*host.groups, ["web"], "{file}");
        assert_eq!(inventory.var(host, "x").unwrap(), Some(1.into()), "{file}");
    }
}
