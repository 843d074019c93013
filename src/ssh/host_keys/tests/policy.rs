//! Tests of the decisions for combinations of files and settings.

use super::{Case, text};
use crate::ssh::error::{Advice, SshErrorKind as Kind};
use crate::ssh::settings::{SshSettings, StrictHostKeyChecking as Strict};

/// The hashed form of a name: `|1|salt|hash`.
fn hashed(name: &str) -> String {
    super::super::line::HashedName::new(name, [7; 20]).to_string()
}

#[test]
fn a_key_is_accepted_if_a_line_for_the_host_contains_it() {
    let web1 = hashed("web1");
    let cases: &[(&str, Result<(), Kind>)] = &[
        ("web1 {0}", Ok(())),
        ("WEB1 {0}", Ok(())),
        ("  web1\t {0} a comment", Ok(())),
        ("# web1 {0}", Err(Kind::HostKeyUnknown)),
        ("web2,web1 {0}\r\n", Ok(())),
        ("web* {0}", Ok(())),
        ("web? {0}", Ok(())),
        ("web*,!web1 {0}", Err(Kind::HostKeyUnknown)),
        ("!web1,web* {0}", Err(Kind::HostKeyUnknown)),
        ("!web2 {0}", Err(Kind::HostKeyUnknown)),
        ("web {0}", Err(Kind::HostKeyUnknown)),
        ("{web1} {0}", Ok(())),
        ("{web1} {1}", Err(Kind::HostKeyChanged)),
        ("[web1]:22 {0}", Err(Kind::HostKeyUnknown)),
        ("web1 {1}", Err(Kind::HostKeyChanged)),
        ("web1 {2}", Err(Kind::HostKeyChanged)),
        ("web1 {1}\nweb1 {0}", Ok(())),
        ("web1 {0}\n@revoked web1 {0}", Err(Kind::HostKeyUnknown)),
        ("web1 {0}\n@revoked * {0}", Err(Kind::HostKeyUnknown)),
        ("web1 {0}\n@revoked\tweb1 {0}", Err(Kind::HostKeyUnknown)),
        ("web1 {0}\n@revoked {web1} {0}", Err(Kind::HostKeyUnknown)),
        ("web1 {0}\n@revoked web2 {0}", Ok(())),
        ("web1 {0}\n@revoked web1 {1}", Ok(())),
        ("@cert-authority web1 {0}", Err(Kind::HostKeyUnknown)),
        ("@other web1 {0}", Err(Kind::HostKeyUnknown)),
        ("web1 ssh-ed25519 AAAA\nweb1 {0}", Ok(())),
        ("web1 ssh-rsa {0}", Err(Kind::HostKeyUnknown)),
        ("web1", Err(Kind::HostKeyUnknown)),
        ("", Err(Kind::HostKeyUnknown)),
    ];
    for (known, wanted) in cases {
        let case = Case::new(&known.replace("{web1}", &web1));
        assert_eq!(
            case.check(0).map_err(|error| error.kind),
            *wanted,
            "{known:?}"
        );
    }
}

#[test]
fn only_a_new_key_is_stored() {
    let case = Case::new("web2 {0}").strict(Strict::AcceptNew);
    case.check(0).unwrap();
    assert_eq!(case.text(), format!("web2 {0}\nweb1 {0}\n", text(0)));
    let error = Case::new("web1 {1}")
        .strict(Strict::AcceptNew)
        .check(0)
        .unwrap_err();
    assert_eq!(error.kind, Kind::HostKeyChanged);
}

#[test]
fn an_error_says_what_to_do() {
    let at_port = |case: Case| case.with(|settings| settings.port = 2222);
    let cases: Vec<(Case, &[&str], &str)> = vec![
        (
            at_port(Case::new("")),
            &["no ED25519 host key is known for [web1]:2222", "SHA256:"],
            "AcceptHostKey",
        ),
        (
            at_port(Case::new("\n[web1]:2222 {1}")),
            &["the host key for [web1]:2222 has changed", "known_hosts:2"],
            "known_hosts\" -R \"[web1]:2222\"",
        ),
        (
            at_port(Case::new("[web1]:2222 {2}")),
            &["has changed", "known_hosts:1 has one of kind ECDSA"],
            "ssh-keygen -f",
        ),
        (
            Case::new("web* {1}"),
            &["the host key for web1 has changed"],
            "known_hosts:1, which applies to other hosts too",
        ),
        (
            Case::new("web1 {0}\n@revoked * {0}"),
            &["is revoked by", "known_hosts:2"],
            "a new one",
        ),
        (
            Case::new("web1 {0}\n192.0.2.1 {1}")
                .with(|settings| settings.host_key.check_host_ip = true),
            &["for its address 192.0.2.1", "known_hosts:2"],
            "-R \"192.0.2.1\"",
        ),
        (
            Case::new("web1 {0}")
                .with(|settings| settings.host_key.revoked = Some("/nowhere/revoked".into())),
            &["cannot read the revoked keys in /nowhere/revoked"],
            "No host is trusted",
        ),
        (
            Case::new("")
                .strict(Strict::AcceptNew)
                .with(|settings| settings.host_key.user_files.clear()),
            &["no ED25519 host key is known for web1"],
            "UserKnownHostsFile",
        ),
        (
            Case::new("")
                .strict(Strict::AcceptNew)
                .with(|settings| settings.host = "web#1".into()),
            &["is known for web#1"],
            "HostKeyAlias",
        ),
    ];
    for (case, words, hint) in cases {
        let error = case.check(0).unwrap_err();
        for word in words {
            assert!(error.message.contains(word), "{word}: {}", error.message);
        }
        let advice = match error.advice.as_ref().unwrap() {
            Advice::Try(words) => words.clone(),
            other => format!("{other:?}"),
        };
        assert!(advice.contains(hint), "{hint}: {error:?}");
        let is_final = matches!(error.kind, Kind::HostKeyUnknown | Kind::HostKeyChanged);
        assert!(is_final, "{error:?}");
    }
}

#[test]
fn known_keys_are_offered_first() {
    let offered = |known: &str, list: Option<&[&str]>, known_first| {
        let case = Case::new(known).with(|settings| {
            settings.algorithms.host_keys =
                list.map(|list| list.iter().map(ToString::to_string).collect());
            settings.algorithms.host_keys_known_first = known_first;
        });
        let offer = case.verifier().algorithms();
        let first = offer.keys.first().map(ToString::to_string);
        (
            offer.certificates.len(),
            first.unwrap_or_default(),
            offer.keys.len(),
        )
    };
    let list: Option<&[&str]> = Some(&["rsa-sha2-512", "ssh-ed25519"]);
    let changed: Option<&[&str]> = Some(&["rsa-sha2-512", "ecdsa-sha2-nistp256"]);
    for (known, list, known_first, wanted) in [
        ("", None, false, (0, "ssh-ed25519", 6)),
        ("web1 {0}", None, false, (0, "ssh-ed25519", 6)),
        ("web1 {2}", None, false, (0, "ecdsa-sha2-nistp256", 6)),
        ("web2 {2}", None, false, (0, "ssh-ed25519", 6)),
        ("@revoked web1 {2}", None, false, (0, "ssh-ed25519", 6)),
        (
            "@cert-authority web1 {2}",
            None,
            false,
            (6, "ssh-ed25519", 6),
        ),
        (
            "@cert-authority web2 {2}",
            None,
            false,
            (0, "ssh-ed25519", 6),
        ),
        ("web1 {0}", list, false, (0, "rsa-sha2-512", 2)),
        ("web1 {2}", changed, true, (0, "ecdsa-sha2-nistp256", 2)),
        ("web1 {2}", changed, false, (0, "rsa-sha2-512", 2)),
    ] {
        let (certificates, first, keys) = wanted;
        assert_eq!(
            offered(known, list, known_first),
            (certificates, first.to_owned(), keys),
            "{known:?} {list:?}"
        );
    }
}

#[test]
fn sha1_signatures_are_accepted_only_if_configured() {
    let signature = |name: &str| {
        let length = u32::try_from(name.len()).unwrap().to_be_bytes();
        [&length, name.as_bytes(), &[0; 8]].concat()
    };
    let verifier = Case::new("").verifier();
    verifier
        .check_signature(&signature("rsa-sha2-256"))
        .unwrap();
    verifier.check_signature(&signature("ssh-ed25519")).unwrap();
    for name in ["ssh-rsa", "ssh-dss", ""] {
        verifier.check_signature(&signature(name)).unwrap_err();
    }
    verifier.check_signature(&[0, 0]).unwrap_err();
    let asked =
        Case::new("").with(|settings| settings.algorithms.host_keys = Some(vec!["ssh-rsa".into()]));
    asked
        .verifier()
        .check_signature(&signature("ssh-rsa"))
        .unwrap();
}

#[test]
fn settings_that_need_ssh_are_named() {
    let reason = |change: fn(&mut SshSettings)| {
        super::super::host_key_needs_ssh(&Case::new("").with(change).settings)
    };
    assert_eq!(reason(|_| {}), None);
    for list in [
        &["sk-ssh-ed25519@openssh.com"][..],
        &["ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"],
    ] {
        let mut case = Case::new("");
        case.settings.algorithms.host_keys = Some(list.iter().map(ToString::to_string).collect());
        assert!(
            super::super::host_key_needs_ssh(&case.settings).is_some(),
            "{list:?}"
        );
    }
    assert!(
        reason(|settings| {
            settings.host = "fe80::1%eth0".into();
            settings.host_key.check_host_ip = true;
        })
        .is_some()
    );
}
