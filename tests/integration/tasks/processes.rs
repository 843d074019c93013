//! How many processes a change starts on a host. Each takes about 0.7 ms, a builtin nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use ops::declare::{Arguments, Value};
use ops::task::{RunMode, Task};
use ops::tasks::find;

use super::batches::Nowhere;
use super::shell_host::ShellHost;

const PROGRAMS: &[&str] = &[
    "cat",
    "chmod",
    "chown",
    "cp",
    "env",
    "head",
    "ln",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "rmdir",
    "sh",
    "sha256sum",
    "stat",
];

/// The processes of a host for a task: for its first question, its change and the proof.
fn programs(name: &str, path: &str, content: Option<&str>, options: &[(&str, &str)]) -> String {
    programs_of(|root| vec![task(root, name, path, content, options)])
}

/// The same for a batch, in a root with a file `old`.
fn programs_of(tasks: impl Fn(&Path) -> Vec<Arc<dyn Task>>) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let (root, state, bin) = (
        dir.path().join("root"),
        dir.path().join("state"),
        dir.path().join("bin"),
    );
    for path in [&root, &state, &bin] {
        std::fs::create_dir(path).expect("it was created");
    }
    std::fs::write(root.join("old"), "old\n").expect("written");
    let log = dir.path().join("log");
    for program in PROGRAMS {
        wrap(&bin, program, &log);
    }
    let env = format!("PATH={}:/usr/bin:/bin", bin.display());
    let shell = ["env", &env, "dash"];
    let mut host = ShellHost::new(&shell, &state);
    host.go(tasks(&root), RunMode::Apply);
    let ran = std::fs::read_to_string(&log).expect("a log");
    ran.lines().collect::<Vec<_>>().join(" ")
}

fn wrap(bin: &Path, program: &str, log: &Path) {
    let text = format!(
        "#!/bin/dash\necho {program} >>'{}'\nPATH=/usr/bin:/bin exec {program} \"$@\"\n",
        log.display()
    );
    let path = bin.join(program);
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
}

fn task(
    root: &Path,
    name: &str,
    path: &str,
    content: Option<&str>,
    options: &[(&str, &str)],
) -> Arc<dyn Task> {
    let mut values = vec![Value::Text(format!("{}/{path}", root.display()))];
    values.extend(content.map(Value::from));
    let options = options
        .iter()
        .map(|(k, v)| ((*k).to_owned(), Value::from(*v)));
    values.push(Value::Map(options.collect()));
    let entry = find("files", name).expect("a task");
    (entry.make)(Arguments::new(values), &Nowhere).expect("taken")
}

#[test]
fn a_change_starts_few_processes() {
    for (name, path, content, options, processes) in [
        (
            "directory",
            "new",
            None,
            &[("mode", "0750")][..],
            "stat | mkdir | stat",
        ),
        ("directory", "a/b", None, &[], "stat | mkdir mkdir | stat"),
        (
            "directory",
            "",
            None,
            &[("mode", "0700")],
            "stat | chmod | stat",
        ),
        (
            "file",
            "new",
            Some("x"),
            &[("mode", "0640")],
            "stat | mv | stat sha256sum",
        ),
        (
            "file",
            "new",
            Some("x"),
            &[("mode", "0750"), ("owner", "0")],
            "stat | chown chmod mv | stat sha256sum",
        ),
        (
            "file",
            "old",
            Some("x"),
            &[],
            "stat sha256sum head | mkdir cp sha256sum cp mv | stat sha256sum",
        ),
        ("line", "new", Some("x"), &[], "stat | mv | stat head"),
        (
            "line",
            "old",
            Some("x"),
            &[],
            "stat head | mkdir cp sha256sum cp mv | stat head",
        ),
        ("line", "old", Some("old"), &[], "stat head"),
        (
            "link",
            "new",
            Some("x"),
            &[],
            "stat | ln | stat readlink stat",
        ),
        // The second probe determines whether a rename reaches the directory where it is kept.
        ("absent", "old", None, &[], "stat | mkdir stat mv | stat"),
    ] {
        let ran = programs(name, path, content, options);
        assert_eq!(
            ran,
            processes.replace("| ", ""),
            "{name} {path} {options:?}"
        );
    }
}

#[test]
fn many_lines_of_a_file_cost_as_much_as_one() {
    let lines = |path: &'static str, count: usize| {
        programs_of(move |root| {
            (0..count)
                .map(|n| task(root, "line", path, Some(&format!("line {n}")), &[]))
                .collect()
        })
    };
    assert_eq!(lines("new", 12), lines("new", 1));
    assert_eq!(lines("old", 12), lines("old", 1));
}

#[test]
fn one_process_reads_the_contents_of_many_files() {
    let ran = programs_of(|root| {
        (0..5)
            .map(|n| task(root, "line", &format!("new{n}"), Some("line"), &[]))
            .collect()
    });
    // `env` replaces itself by the one `head`.
    assert_eq!(ran, "stat mv mv mv mv mv stat env");
}

#[test]
fn kept_files_need_one_directory_per_run() {
    let ran = programs_of(|root| {
        std::fs::write(root.join("older"), "older\n").expect("written");
        vec![
            task(root, "file", "old", Some("x"), &[]),
            task(root, "file", "older", Some("x"), &[]),
        ]
    });
    let replaced = "cp sha256sum cp mv";
    let all = format!("stat sha256sum env mkdir {replaced} {replaced} stat sha256sum");
    assert_eq!(ran, all);
}
