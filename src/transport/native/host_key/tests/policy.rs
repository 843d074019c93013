//! What is decided, by what the files and the settings say.

use super::{Case, text};
use crate::transport::{StrictHostKeyChecking as Strict, TransportErrorKind as Kind};

/// `|1|salt|hash` of a name.
fn hashed(name: &str) -> String {
    super::super::names::Hashed::new(name, [7; 20]).to_string()
}

#[test]
fn a_key_is_taken_if_a_line_for_the_host_has_it() {
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
fn nothing_but_a_new_key_is_learnt() {
    let case = Case::new("web2 {0}").strict(Strict::AcceptNew);
    case.check(0).unwrap();
    assert_eq!(case.text(), format!("web2 {0}\nweb1 {0}\n", text(0)));
    let error = Case::new("web1 {1}")
        .strict(Strict::AcceptNew)
        .check(0)
        .unwrap_err();
    assert_eq!(error.kind, Kind::HostKeyChanged);
}
