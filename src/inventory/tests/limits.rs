//! Tests of `--limit`.

use std::path::Path;

use super::load_text;
use crate::inventory::Inventory;

fn inventory() -> Inventory {
    load_text("hosts", "[web]\nweb1\nweb2\nweb3\n[db]\ndb1\n").unwrap()
}

fn selected(limit: &str, pattern: &str) -> Vec<String> {
    let limited = inventory()
        .limited(limit)
        .unwrap_or_else(|error| panic!("{limit}: {error}"));
    let hosts = limited.select(pattern).unwrap();
    hosts.iter().map(|host| host.name.clone()).collect()
}

fn refused(limit: &str, dir: &Path) -> (String, Option<String>) {
    let error = inventory().limited(limit).expect_err(limit);
    let dir = format!("{}/", dir.display());
    let short = |text: String| text.replace(&dir, "");
    (short(error.message), error.hint.map(short))
}

#[test]
fn a_limit_keeps_the_hosts_that_it_selects() {
    assert_eq!(selected("web", "all"), ["web1", "web2", "web3"]);
    assert_eq!(selected("all:!web1", "web"), ["web2", "web3"]);
    assert!(selected("db", "web").is_empty());
    assert!(inventory().limited("nosuch").is_err());
}

#[test]
fn a_limit_file_contains_patterns_with_comments() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("limit, of today.txt");
    let text = "\u{feff}# who failed\r\nweb2,db1\r\n\r\nweb3 # again\r\n  # none\r\n";
    std::fs::write(&file, text).unwrap();
    let file = file.display();
    assert_eq!(
        selected(&format!("@{file}"), "all"),
        ["web2", "web3", "db1"]
    );
    assert_eq!(selected(&format!("!@{file}"), "all"), ["web1"]);
    assert_eq!(selected(&format!("&@{file}"), "web"), ["web2", "web3"]);
    let plain = dir.path().join("plain");
    std::fs::write(&plain, "web\n!web1\n").unwrap();
    let plain = plain.display();
    assert_eq!(selected(&format!("@{plain}"), "all"), ["web2", "web3"]);
    assert_eq!(selected(&format!("!@{plain}"), "all"), ["web1", "db1"]);
    assert_eq!(selected(&format!("web,!@{plain}"), "all"), ["web1"]);
    assert_eq!(selected(&format!("all,&@{plain},!web2"), "all"), ["web3"]);
}

#[test]
fn mistakes_in_a_limit_file_are_reported_with_their_location() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        format!("@{}", path.display())
    };
    let limit = write("typo", b"web1\nwbe2\n");
    assert_eq!(
        refused(&limit, dir.path()),
        (
            "typo:2: unknown host or group `wbe2`".to_owned(),
            Some("Did you mean `web2`?".to_owned())
        )
    );
    let limit = write("latin", b"web1 # M\xfcnchen\n");
    assert_eq!(
        refused(&limit, dir.path()),
        (
            "latin:1: it is not UTF-8: byte 9 of the line is 0xfc".to_owned(),
            Some("Save it as UTF-8, e.g. with `iconv -f ISO-8859-1 -t UTF-8 latin`.".to_owned())
        )
    );
    let limit = write("none", b"# nobody\n");
    assert_eq!(
        refused(&limit, dir.path()).0,
        "the limit file `none` contains no pattern"
    );
    assert_eq!(
        selected(&format!("!{limit}"), "web").len(),
        3,
        "no host is excluded"
    );
    let limit = write("range", b"\n\nweb[1-3]\n");
    assert!(
        refused(&limit, dir.path())
            .0
            .starts_with("range:3: `[1-3]` in the pattern")
    );
    assert!(
        refused("@/nosuch", dir.path())
            .0
            .starts_with("cannot read the limit file `/nosuch`: ")
    );
}

/// The limit did not exclude it.
#[test]
fn localhost_stays_if_a_limit_only_excludes_hosts() {
    for limit in ["!web1", "!web", "!~web[12]"] {
        for name in ["localhost", "127.0.0.1"] {
            assert_eq!(selected(limit, name), [name], "{limit}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out");
    std::fs::write(&file, "web1\n").unwrap();
    assert_eq!(
        selected(&format!("!@{}", file.display()), "localhost"),
        ["localhost"]
    );
    for limit in ["!web1:!localhost", "web", "all:!web1", "&web"] {
        assert!(selected(limit, "localhost").is_empty(), "{limit}");
    }
    let named = load_text("hosts", "localhost\nweb1\n").unwrap();
    assert_eq!(
        named
            .limited("!web1")
            .unwrap()
            .select("localhost")
            .unwrap()
            .len(),
        1
    );
    assert!(
        named
            .limited("!localhost")
            .unwrap()
            .select("localhost")
            .unwrap()
            .is_empty()
    );
}
