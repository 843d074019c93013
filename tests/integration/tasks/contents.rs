//! Contents of every kind arrive byte for byte.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ops::declare::{Arguments, Value};
use ops::model::Outcome;
use ops::task::RunMode;
use ops::tasks::find;
use proptest::prelude::*;

use super::batches::Nowhere;
use super::shell_host::{SHELLS, ShellHost};

fn name() -> impl Strategy<Value = String> {
    let odd = "[-'\"$`\\\\ \n\t*?~!#&;|<>(){}\\[\\]%é\u{7f}a]{1,40}";
    odd.prop_filter("names of their own meaning", |name| {
        !["."].contains(&name.as_str())
    })
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let odd: Vec<u8> = b"'\"$`\\\n\r\t %-\0\x01\x80\xff\xc3a".to_vec();
    prop_oneof![
        3 => proptest::collection::vec(proptest::sample::select(odd), 0..80),
        1 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => "[-'\"$`\\\\\n%é ]{0,80}".prop_map(String::into_bytes),
    ]
}

fn value(content: Vec<u8>) -> Value {
    match String::from_utf8(content) {
        Ok(text) => Value::Text(text),
        Err(error) => Value::Bytes(error.into_bytes()),
    }
}

proptest! {
    #![proptest_config(crate::generation::config(40, file!()))]
    #[test]
    fn contents_arrive_under_any_name(
        name in name(),
        old in proptest::option::of(content()),
        new in content(),
        shell in 0..SHELLS.len(),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let (root, state) = (dir.path().join("root"), dir.path().join("state"));
        std::fs::create_dir(&root).expect("it was created");
        std::fs::create_dir(&state).expect("it was created");
        let path = root.join(&name);
        if let Some(old) = &old {
            std::fs::write(&path, old).expect("written");
        }
        let values = vec![Value::Text(format!("{}/{name}", root.display())), value(new.clone())];
        let entry = find("files", "file").expect("a task");
        let task = (entry.make)(Arguments::new(values), &Nowhere).expect("taken");
        let mut host = ShellHost::new(SHELLS[shell], &state);
        let gone = host.go(vec![task], RunMode::Apply);
        let same = old.as_ref() == Some(&new);
        let expected = if same { Outcome::Unchanged } else { Outcome::Changed };
        prop_assert_eq!(gone.decisions[0].outcome, expected, "{:?}", gone.decisions[0].note);
        prop_assert_eq!(&std::fs::read(&path).expect("it exists"), &new);
        for (change, keep) in &gone.made {
            host.undo(change, keep).expect("undone");
        }
        prop_assert_eq!(std::fs::read(&path).ok(), old);
        let left: Vec<_> = std::fs::read_dir(&root).expect("it exists").flatten().collect();
        prop_assert!(left.iter().all(|entry| entry.file_name().as_bytes() == name.as_bytes()));
    }
}

/// A file that is a mount point cannot be replaced by a rename.
#[test]
fn writes_a_mount_in_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let (file, real) = (dir.path().join("file"), dir.path().join("real"));
    std::fs::write(&file, "").expect("written");
    std::fs::write(&real, "old").expect("written");
    let mount = format!(
        "mount --bind {} {} && exec dash \"$@\"",
        real.display(),
        file.display()
    );
    let shell = ["unshare", "-m", "sh", "-c", &mount, "sh"];
    let values = vec![
        Value::Text(file.display().to_string()),
        "new".into(),
        Value::Map(vec![("mode".to_owned(), "0600".into())]),
    ];
    let entry = find("files", "file").expect("a task");
    let task = (entry.make)(Arguments::new(values), &Nowhere).expect("taken");
    let mut host = ShellHost::new(&shell, dir.path());
    let gone = host.go(vec![task], RunMode::Apply);
    let decision = &gone.decisions[0];
    assert_eq!(decision.outcome, Outcome::Changed, "{:?}", decision.note);
    assert!(
        decision
            .note
            .as_ref()
            .is_some_and(|note| note.contains("in place"))
    );
    let mode = |path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path)
            .expect("it exists")
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(std::fs::read(&real).expect("it exists"), b"new");
    assert_eq!(mode(&real), 0o600);
    let (change, keep) = &gone.made[0];
    host.undo(change, keep).expect("undone");
    assert_eq!(std::fs::read(&real).expect("it exists"), b"old");
    assert_eq!(mode(&real), 0o644);
}

/// If `mv` has no `-T`, a link to a directory is also replaced in one step, and not entered.
#[test]
fn replaces_a_link_without_mv_option_t() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().expect("a directory");
    let (bin, state) = (dir.path().join("bin"), dir.path().join("state"));
    for made in [&bin, &state, &dir.path().join("1"), &dir.path().join("2")] {
        std::fs::create_dir(made).expect("it was created");
    }
    let mv = bin.join("mv");
    std::fs::write(
        &mv,
        "#!/bin/sh\ncase $1 in -*T*) exit 1;; esac\nexec /bin/mv \"$@\"\n",
    )
    .expect("written");
    std::fs::set_permissions(&mv, std::fs::Permissions::from_mode(0o755)).expect("set");
    let link = dir.path().join("cur rent");
    symlink("1", &link).expect("linked");
    let path = format!(
        "PATH={}:{}",
        bin.display(),
        std::env::var("PATH").expect("set")
    );
    let shell = ["env", &path, "dash"];
    let values = vec![Value::Text(link.display().to_string()), "2".into()];
    let entry = find("files", "link").expect("a task");
    let task = (entry.make)(Arguments::new(values), &Nowhere).expect("taken");
    let mut host = ShellHost::new(&shell, &state);
    let gone = host.go(vec![task], RunMode::Apply);
    assert_eq!(
        gone.decisions[0].outcome,
        Outcome::Changed,
        "{:?}",
        gone.decisions[0].note
    );
    assert_eq!(std::fs::read_link(&link).expect("a link"), Path::new("2"));
    let (change, keep) = &gone.made[0];
    host.undo(change, keep).expect("undone");
    assert_eq!(std::fs::read_link(&link).expect("a link"), Path::new("1"));
    for directory in ["1", "2"] {
        let left = std::fs::read_dir(dir.path().join(directory)).expect("it exists");
        assert_eq!(left.count(), 0, "{directory} was entered");
    }
    let left = std::fs::read_dir(dir.path()).expect("it exists").flatten();
    assert!(
        left.into_iter()
            .all(|entry| !entry.file_name().to_string_lossy().starts_with(".ops-"))
    );
}
