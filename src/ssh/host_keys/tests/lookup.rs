//! Compares the lines found for a host with `ssh-keygen -F`, and tests the cost of a lookup.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;
use russh::keys::PublicKey;
use russh::keys::ssh_key::public::Ed25519PublicKey;

use super::super::key::ParsedKey;
use super::super::known_hosts::Lines;
use super::super::line::{HASHED, HashedName, Marker};
use super::super::{HostVerifier, KnownHosts};
use super::{Case, fill, settings};

const NAMES: &[&str] = &[
    "web1",
    "web12",
    "db.example.org",
    "[web1]:2222",
    "[db.example.org]:22",
    "192.0.2.7",
    "::1",
    "",
];

/// A name or a pattern that may be in a file.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(NAMES).prop_map(ToOwned::to_owned),
        1 => prop::sample::select(NAMES).prop_map(str::to_uppercase),
        2 => "[webdb1*?.\\[\\]:!]{0,6}",
        1 => Just("*".to_owned()),
        1 => Just("web?".to_owned()),
        1 => Just("*.example.org".to_owned()),
        1 => Just("[*]:*".to_owned()),
    ]
}

fn names() -> impl Strategy<Value = String> {
    let listed = prop_oneof![4 => name(), 1 => name().prop_map(|name| format!("!{name}"))];
    prop_oneof![
        4 => prop::collection::vec(listed, 1..4).prop_map(|names| names.join(",")),
        1 => (prop::sample::select(NAMES), any::<[u8; 20]>())
            .prop_map(|(name, salt)| HashedName::new(name, salt).to_string()),
        1 => (prop::sample::select(NAMES), any::<[u8; 20]>(), 0..60_usize).prop_map(|(name, salt, cut)| {
            let mut hashed = HashedName::new(name, salt).to_string();
            hashed.truncate(hashed.len() - cut.min(hashed.len() - 1));
            hashed
        }),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let marker = prop::sample::select(vec![
        "",
        "",
        "",
        "@revoked ",
        "@cert-authority ",
        "@other ",
        "# ",
    ]);
    let blank = prop::sample::select(vec![" ", "\t", "  ", " \t"]);
    let key = prop::sample::select(vec!["{0}", "{1}", "{2}", "{2} a comment", "{0}\r"]);
    (marker, "[ \t]{0,2}", names(), blank, key).prop_map(|(marker, before, names, blank, key)| {
        format!("{before}{marker}{names}{blank}{}", fill(key))
    })
}

/// The numbers of the lines that `ssh-keygen` finds.
fn found_by_ssh_keygen(file: &std::path::Path, name: &str) -> BTreeSet<u32> {
    let output = Command::new("ssh-keygen")
        .args(["-F", name, "-f"])
        .arg(file)
        .output()
        .expect("ssh-keygen is installed");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.strip_prefix("# Host ")?.rsplit_once(" found: line "))
        .map(|(_, line)| line.split(' ').next().unwrap().parse().unwrap())
        .collect()
}

fn found_here(text: &str, name: &str) -> BTreeSet<u32> {
    let lines = Lines::parse(text.as_bytes());
    let hosts = lines.of_host(name).into_iter().map(|line| line.number);
    let authorities = lines.authorities(name).map(|line| line.number);
    let keys = (0..3).map(|key| ParsedKey::from_text(&super::text(key)).unwrap().key);
    let revoked = keys.flat_map(|key| {
        let revoked = lines.with_key(Marker::Revoked, name, &key);
        revoked.map(|line| line.number).collect::<Vec<_>>()
    });
    hosts.chain(authorities).chain(revoked).collect()
}

proptest! {
    #![proptest_config(crate::generation::config(48, file!()))]

    #[test]
    fn the_lines_for_a_host_are_those_that_ssh_keygen_finds(lines in prop::collection::vec(line(), 1..40)) {
        let text = lines.join("\n") + "\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        for name in NAMES.iter().filter(|name| !name.is_empty()) {
            prop_assert_eq!(
                found_here(&text, name),
                found_by_ssh_keygen(file.path(), name),
                "{} in\n{}", name, text
            );
        }
    }

    #[test]
    fn no_file_content_breaks_the_reader(text in any::<Vec<u8>>()) {
        let lines = Lines::parse(&text);
        let _ = lines.of_host("web1");
    }
}

/// There are five thousand lines with hashed names; every fifth is for a host of the run.
#[test]
fn a_known_host_needs_only_a_few_hashes() {
    const HOSTS: usize = 1000;
    const LINES: usize = 5 * HOSTS;
    let key = |line: usize| {
        PublicKey::from(Ed25519PublicKey(std::array::from_fn(|at| {
            line.to_le_bytes()[at % 8]
        })))
    };
    let mut known = String::new();
    for line in 0..LINES {
        let salt = std::array::from_fn(|at| line.to_le_bytes()[at % 8]);
        let name = HashedName::new(&format!("host{line}"), salt);
        known.push_str(&format!("{name} {}\n", key(line).to_openssh().unwrap()));
    }
    let case = Case::new(&known);
    let shared = Arc::new(KnownHosts::default());
    let check = |name: &str, key: PublicKey| {
        let mut settings = settings(vec![case.file()]);
        settings.host = name.to_owned();
        let keys = HostVerifier::new(&settings, Arc::clone(&shared));
        keys.decide(&key.into(), None).is_ok()
    };
    HASHED.set(0);
    for number in 0..HOSTS {
        // Hosts that connect at the same time are slightly out of order.
        let line = (number ^ 7) * 5;
        assert!(check(&format!("host{line}"), key(line)), "{line}");
    }
    let each = HASHED.get() / HOSTS;
    assert!(each < 150, "{each} names were hashed per host");

    HASHED.set(0);
    assert!(!check("unknown", key(LINES)));
    assert_eq!(HASHED.get(), LINES);
}
