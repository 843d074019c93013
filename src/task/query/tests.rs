//! The scripts run by real shells against a real directory.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use super::{Query, Sections, answers, render};
use crate::task::{Answer, Found, PathKind, Resource};

const SHELLS: &[&[&str]] = &[&["dash"], &["bash"], &["busybox", "sh"]];

fn ask(shell: &[&str], queries: &[Query]) -> Found {
    ask_after("", shell, queries)
}

/// With a script before the queries.
fn ask_after(before: &str, shell: &[&str], queries: &[Query]) -> Found {
    let script = format!("{before}{}", render(queries, "feedfacecafe"));
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-c")
        .arg(script)
        .output()
        .expect("a shell");
    let sections = Sections::split(&output.stdout, "feedfacecafe").expect("a whole reply");
    let mut found = Found::default();
    for (query, answer) in answers(queries, &sections) {
        found.insert(query, answer);
    }
    found
}

#[test]
fn reports_the_entries_at_paths() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name).to_str().expect("UTF-8").to_owned();
    let odd = at("a \n'b' $(x)\\ -c");
    std::fs::write(&odd, "one\n\nfeedfacecaff 1\n").expect("a file");
    symlink("nowhere", at("dangling")).expect("a link");
    symlink(&odd, at("link")).expect("a link");
    let missing = at("missing/below");
    let queries: Vec<Query> = [&odd, &missing, &at("dangling"), &at("link"), &at("")]
        .iter()
        .map(|path| Query::Path((*path).clone()))
        .chain([
            Query::Sha256(missing.clone()),
            Query::Sha256(at("link")),
            Query::Content(odd.clone()),
        ])
        .chain([Query::Content(missing.clone())])
        .chain([Query::Script {
            script: "echo a=b=c; echo 'd=e f'; exit 3".into(),
            reads: vec![Resource::Any],
        }])
        .collect();
    for shell in SHELLS {
        let found = ask(shell, &queries);
        let stat = found.path(&odd).expect("known").own.clone().expect("there");
        assert_eq!((stat.kind, stat.size), (PathKind::File, 20), "{shell:?}");
        assert_eq!(found.path(&missing).expect("known").own, None);
        let dangling = found.path(&at("dangling")).expect("known");
        assert_eq!(
            (dangling.link.as_deref(), &dangling.target),
            (Some("nowhere"), &None)
        );
        let link = found.path(&at("link")).expect("known");
        assert_eq!(link.link.as_deref(), Some(odd.as_str()));
        assert_eq!(link.target, Some(stat));
        assert_eq!(
            found
                .path(&at(""))
                .expect("known")
                .own
                .as_ref()
                .map(|s| s.kind),
            Some(PathKind::Directory)
        );
        assert_eq!(found.sha256(&missing), Ok(None));
        assert_eq!(
            found.sha256(&at("link")).expect("known").map(str::len),
            Some(64),
            "{shell:?}"
        );
        assert_eq!(
            found.content(&odd),
            Ok(Some(&b"one\n\nfeedfacecaff 1\n"[..]))
        );
        assert_eq!(found.content(&missing), Ok(None));
        let rows = found.table(queries.last().expect("one")).expect("a table");
        assert_eq!(
            rows,
            [
                ("a".to_owned(), "b=c".to_owned()),
                ("d".to_owned(), "e f".to_owned())
            ]
        );
    }
}

#[test]
fn reads_several_files_at_once_byte_for_byte() {
    let dir = tempfile::tempdir().expect("a directory");
    let contents: [&[u8]; 6] = [
        b"",
        b"\n",
        b"ops_border=feedfacecafd\n\nfeedfacecafd ",
        b"\0ops_border=\0\xff no newline",
        b"==> /etc/passwd <==\n",
        b"last",
    ];
    let mut queries = Vec::new();
    for (number, content) in contents.iter().enumerate() {
        let path = dir.path().join(format!("-q '{number}'\n"));
        std::fs::write(&path, content).expect("a file");
        queries.push(Query::Content(path.to_str().expect("UTF-8").to_owned()));
        let missing = dir.path().join(format!("missing{number}"));
        queries.push(Query::Content(missing.to_str().expect("UTF-8").to_owned()));
    }
    // A `head` that does not support -q, and one that ends early: then each file is read separately.
    let heads = tempfile::tempdir().expect("a directory");
    let path = |body: &str| {
        let script =
            format!("#!/bin/sh\ncase $1 in -q) {body}; exit 1;; esac\nexec /usr/bin/head \"$@\"\n");
        let name = heads.path().join(body);
        std::fs::create_dir(&name).expect("a directory");
        std::fs::write(name.join("head"), script).expect("a script");
        std::fs::set_permissions(name.join("head"), std::fs::Permissions::from_mode(0o755))
            .expect("a mode");
        // `env -i` drops PATH, so a function replaces `env`.
        format!(
            "PATH='{}':$PATH; env() {{ shift 2; \"$@\"; }}\n",
            name.display()
        )
    };
    for (before, shell) in [String::new(), path("true"), path("printf spoiled")]
        .iter()
        .flat_map(|before| SHELLS.iter().map(move |shell| (before, shell)))
    {
        let found = ask_after(before, shell, &queries);
        for (number, query) in queries.iter().enumerate() {
            let Query::Content(path) = query else {
                continue;
            };
            let wanted = (number % 2 == 0).then_some(contents[number / 2]);
            assert_eq!(found.content(path), Ok(wanted), "{shell:?} {before} {path}");
        }
    }
}

#[test]
fn distrusts_a_head_with_more_in_its_environment() {
    let queries = [Query::Content("/a".into()), Query::Content("/b".into())];
    for printed in [
        "oneops_border=token\0MORE=1\0twoops_border=token\0MORE=1\0",
        "oneops_border=token\0",
    ] {
        let found = told(
            &queries,
            &format!("\ntoken contents\n0\n1\n\ntoken joined\n{printed}"),
        );
        assert!(found.content("/b").is_err(), "{printed}");
    }
    let printed =
        "\ntoken contents\n0\n1\n\ntoken joined\noneops_border=token\0twoops_border=token\0";
    assert_eq!(told(&queries, printed).content("/b"), Ok(Some(&b"two"[..])));
}

#[test]
fn rejects_a_reply_without_an_end() {
    assert!(
        Sections::split(
            b"\ntoken stat\n81a4/0/0/1/2/root/root//etc/passwd\n",
            "token"
        )
        .is_none()
    );
    assert!(Sections::split(b"noise\ntoken end\n", "token").is_some());
}

#[test]
fn forgets_what_a_change_may_have_altered() {
    let mut found = Found::default();
    found.insert(Query::Path("/a/b".into()), Answer::Sha256(None));
    found.insert(Query::Path("/ab".into()), Answer::Sha256(None));
    found.insert(Query::Shell("true".into()), Answer::Sha256(None));
    found.forget(&[Resource::Path("/a".into())]);
    assert!(found.get(&Query::Path("/a/b".into())).is_none());
    assert!(found.get(&Query::Path("/ab".into())).is_some());
    assert!(found.get(&Query::Shell("true".into())).is_none());
}

#[test]
fn reports_users_and_groups() {
    let queries = [
        Query::User("root".into()),
        Query::User("no-such-user".into()),
        Query::Group("root".into()),
        Query::Group("no-such-group".into()),
    ];
    for shell in SHELLS {
        let found = ask(shell, &queries);
        let row = |at: usize, key: &str| {
            let rows = found.table(&queries[at]).expect("known");
            rows.iter()
                .find(|row| row.0 == key)
                .map(|row| row.1.clone())
        };
        assert_eq!(row(0, "uid").as_deref(), Some("0"), "{shell:?}");
        assert_eq!(row(0, "home").as_deref(), Some("/root"), "{shell:?}");
        assert_eq!(row(0, "group").as_deref(), Some("root"), "{shell:?}");
        assert_eq!(row(1, "uid"), None, "{shell:?}");
        assert_eq!(row(2, "gid").as_deref(), Some("0"), "{shell:?}");
        assert_eq!(row(3, "gid"), None, "{shell:?}");
    }
}

/// What a host would have printed.
fn told(queries: &[Query], printed: &str) -> Found {
    let printed = format!("{printed}\ntoken end\n");
    let sections = Sections::split(printed.as_bytes(), "token").expect("a whole reply");
    let mut found = Found::default();
    for (query, answer) in answers(queries, &sections) {
        found.insert(query, answer);
    }
    found
}

#[test]
fn distinguishes_packages() {
    let names = [
        "nginx",
        "libc6",
        "libc6:i386",
        "libc6:arm64",
        "rc",
        "mta",
        "gone",
        "all:amd64",
    ];
    let queries: Vec<Query> = names.iter().map(|n| Query::Package((*n).into())).collect();
    let found = told(
        &queries,
        "\ntoken packages\nhold installed nginx amd64 1.22.1-9\ninstall installed libc6 amd64 2.36\n\
         install installed libc6 i386 2.35\ndeinstall config-files rc amd64 1\ninstall installed all all 3\n\
         \ntoken provided\ninstalled postfix mta, mta-x (= 1)\nconfig-files exim mta\ninstalled bash \n",
    );
    let version = |name: &str| {
        found
            .package(name)
            .expect("known")
            .map(|installed| installed.version.as_str())
    };
    assert_eq!(version("nginx"), Some("1.22.1-9"));
    assert!(found.package("nginx").expect("known").expect("there").held);
    assert_eq!(version("libc6"), Some("2.36"));
    assert_eq!(version("libc6:i386"), Some("2.35"));
    assert_eq!(version("libc6:arm64"), None);
    assert_eq!(version("rc"), None);
    assert_eq!(version("gone"), None);
    assert_eq!(version("all:amd64"), Some("3"));
    let provider = found
        .package("mta")
        .expect("known")
        .expect("there")
        .provider
        .as_deref();
    assert_eq!(provider, Some("postfix"));
}

#[test]
fn distinguishes_units() {
    let names = [
        "ssh.service",
        "sshd.service",
        "gone.service",
        "other.service",
    ];
    let queries: Vec<Query> = names.iter().map(|n| Query::Unit((*n).into())).collect();
    let found = told(
        &queries,
        "\ntoken units\nId=ssh.service\nNames=ssh.service sshd.service\nActiveState=active\n\n\
         Id=gone.service\nNames=gone.service\nLoadState=not-found\n",
    );
    let active = |name: &str| {
        found
            .table(&Query::Unit(name.into()))
            .map(<[(std::string::String, std::string::String)]>::len)
    };
    assert_eq!(active("ssh.service"), Ok(3));
    assert_eq!(active("sshd.service"), Ok(3));
    assert_eq!(active("gone.service"), Ok(3));
    assert!(active("other.service").is_err());
    let none = told(&queries, "\ntoken units\nnone\n");
    let told = none.table(&queries[0]);
    assert_eq!(told, Err("the host does not run systemd".to_owned()));
}
