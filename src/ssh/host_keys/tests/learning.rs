//! Tests of storing new keys.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use super::super::{HostVerifier, KnownHosts};
use super::{Case, check, settings, text};
use crate::ssh::error::SshErrorKind as Kind;
use crate::ssh::settings::StrictHostKeyChecking as Strict;

#[test]
fn a_new_file_is_accessible_only_to_its_owner() {
    let case = Case::new("").strict(Strict::AcceptNew);
    let file = case.dir.path().join("new/known_hosts");
    let case = case.with(|settings| settings.host_key.user_files = vec![file.clone()]);
    case.check(0).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        format!("web1 {}\n", text(0))
    );
}

#[test]
fn an_entry_gets_its_own_line() {
    let case = Case::new("web2 {0}").strict(Strict::AcceptNew);
    case.check(1).unwrap();
    assert_eq!(case.text(), format!("web2 {}\nweb1 {}\n", text(0), text(1)));
}

#[test]
fn a_key_is_stored_once_and_another_is_refused() {
    let case = Case::new("").strict(Strict::AcceptNew);
    let keys = case.verifier();
    check(&keys, 0, None).unwrap();
    check(&keys, 0, None).unwrap();
    assert_eq!(case.text(), format!("web1 {}\n", text(0)));
    let error = check(&keys, 1, None).unwrap_err();
    assert_eq!(error.kind, Kind::HostKeyChanged);
}

#[test]
fn a_file_that_cannot_be_written_does_not_stop_the_run() {
    let case = Case::new("").strict(Strict::AcceptNew);
    let file = case.dir.path().to_owned();
    let case = case.with(|settings| settings.host_key.user_files = vec![file]);
    let keys = case.verifier();
    check(&keys, 0, None).unwrap();
    // The key is known for this run.
    assert_eq!(
        check(&keys, 1, None).unwrap_err().kind,
        Kind::HostKeyChanged
    );
}

#[test]
fn names_and_addresses_are_hashed_separately() {
    let case = Case::new("").strict(Strict::AcceptNew).with(|settings| {
        settings.host_key.hash_names = true;
        settings.host_key.check_host_ip = true;
    });
    case.check(0).unwrap();
    let text = case.text();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.lines().all(|line| line.starts_with("|1|")), "{text}");
    for (host, known) in [("web1", true), ("192.0.2.1", true), ("web2", false)] {
        let mut case = Case::new(&text);
        case.settings.host = host.to_owned();
        assert_eq!(case.check(0).is_ok(), known, "{host}");
    }
}

#[test]
fn hundreds_of_hosts_do_not_corrupt_lines() {
    let case = Case::new("").strict(Strict::AcceptNew);
    // Two runs of ops, which share nothing but the file.
    let runs = [
        Arc::new(KnownHosts::default()),
        Arc::new(KnownHosts::default()),
    ];
    std::thread::scope(|scope| {
        for (run, known) in runs.iter().enumerate() {
            for thread in 0..4 {
                let case = &case;
                scope.spawn(move || {
                    for host in 0..50 {
                        let mut settings = settings(vec![case.file()]);
                        settings.host_key.strict = Strict::AcceptNew;
                        settings.host = format!("host{run}-{thread}-{host}");
                        check(&HostVerifier::new(&settings, Arc::clone(known)), 0, None).unwrap();
                    }
                });
            }
        }
    });
    let (text, key) = (case.text(), text(0));
    let names: BTreeSet<_> = text
        .lines()
        .map(|line| line.strip_suffix(&key).expect("a whole line"))
        .collect();
    assert_eq!((names.len(), text.lines().count()), (400, 400));
}

#[test]
fn no_key_of_a_refused_host_is_stored() {
    let case = Case::new("192.0.2.1 {1}\n")
        .strict(Strict::AcceptNew)
        .with(|settings| settings.host_key.check_host_ip = true);
    let before = case.text();
    assert_eq!(case.check(0).unwrap_err().kind, Kind::HostKeyChanged);
    assert_eq!(case.text(), before);
}
