//! Generated batches: what stands before, the tasks, and what each of them alone leaves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// What is below a root, a line on each path.
pub(crate) type Tree = BTreeMap<String, String>;

/// Random numbers that a seed gives again (splitmix64).
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A task of a batch. Each works in a place of its own, `PLACE` being a directory named by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    NewFile,
    ReplaceFile,
    /// Its content is sent by itself, not in the script.
    LargeFile,
    Directory,
    Line,
    NewLink,
    ReplaceLink,
    AbsentFile,
    AbsentDirectory,
    Mode,
    Command,
    SlowCommand,
    Task,
    SlowTask,
}

const CALLS: &[Call] = &[
    Call::NewFile,
    Call::ReplaceFile,
    Call::LargeFile,
    Call::Directory,
    Call::Line,
    Call::Line,
    Call::NewLink,
    Call::ReplaceLink,
    Call::AbsentFile,
    Call::AbsentDirectory,
    Call::Mode,
    Call::Command,
    Call::SlowCommand,
    Call::Task,
    Call::SlowTask,
];

impl Call {
    pub(crate) fn batch(random: &mut Random) -> Vec<Self> {
        let count = 3 + random.below(8);
        let one = |_| {
            let at = random.below(CALLS.len() as u64);
            CALLS[usize::try_from(at).expect("small")]
        };
        (0..count).map(one).collect()
    }

    /// Lines of one file, which one script may write together, have one place.
    pub(crate) fn place(self, number: usize) -> String {
        match self {
            Self::Line => "lines".to_owned(),
            _ => number.to_string(),
        }
    }

    /// Makes what stands in the place before.
    pub(crate) fn before(self, place: &Path) {
        std::fs::create_dir_all(place).expect("made");
        match self {
            Self::ReplaceFile | Self::AbsentFile | Self::Mode => {
                write(&place.join("f"), "before\n");
            }
            Self::LargeFile => write(&place.join("f"), "small\n"),
            Self::Line => write(&place.join("f"), "first\n"),
            Self::ReplaceLink => symlink("before", place.join("l")).expect("linked"),
            Self::AbsentDirectory => {
                std::fs::create_dir(place.join("d")).expect("made");
                for name in ["a", "b", "c"] {
                    write(&place.join("d").join(name), name);
                }
            }
            _ => {}
        }
    }

    /// Makes in the place what the task alone is to leave.
    pub(crate) fn after(self, place: &Path, number: usize) {
        match self {
            Self::NewFile | Self::ReplaceFile => write(&place.join("f"), "after\n"),
            Self::LargeFile => write(&place.join("f"), &large(number)),
            Self::Directory => std::fs::create_dir_all(place.join("a/b/c")).expect("made"),
            Self::NewLink | Self::ReplaceLink => {
                let _ = std::fs::remove_file(place.join("l"));
                symlink("after", place.join("l")).expect("linked");
            }
            Self::AbsentFile => std::fs::remove_file(place.join("f")).expect("removed"),
            Self::AbsentDirectory => std::fs::remove_dir_all(place.join("d")).expect("removed"),
            Self::Mode => {
                let mode = std::fs::Permissions::from_mode(0o600);
                std::fs::set_permissions(place.join("f"), mode).expect("set");
            }
            Self::Command | Self::SlowCommand | Self::Task | Self::SlowTask => {
                std::fs::create_dir(place.join("made")).expect("made");
            }
            Self::Line => {}
        }
    }

    /// The call in Rhai, on one line.
    fn text(self, place: &str, number: usize) -> String {
        let task = |slow: &str| {
            format!(
                "task(#{{ name: \"task {number}\", probe: \"test -d {place}/made\", reads: [\"{place}\"], writes: [\"{place}\"], \
                 plan: |found| if found.code != 0 {{ #{{ apply: \"{slow}mkdir {place}/made{after}\", undo: \"rm -rf {place}/made\" }} }} }})",
                after = if slow.is_empty() { "" } else { "; sleep 0.02" },
            )
        };
        let command = |slow: &str| {
            format!(
                "commands::run(\"{slow}mkdir {place}/made{after}\", #{{ undo: \"rm -rf {place}/made\", reads: [], writes: [\"{place}\"] }})",
                after = if slow.is_empty() { "" } else { "; sleep 0.02" },
            )
        };
        match self {
            Self::NewFile | Self::ReplaceFile => {
                format!("files::file(\"{place}/f\", \"after\\n\")")
            }
            Self::LargeFile => {
                format!("files::file(\"{place}/f\", #{{ source: \"large{number}\" }})")
            }
            Self::Directory => format!("files::directory(\"{place}/a/b/c\")"),
            Self::Line => format!("files::line(\"{place}/f\", \"line {number}\")"),
            Self::NewLink | Self::ReplaceLink => format!("files::link(\"{place}/l\", \"after\")"),
            Self::AbsentFile => format!("files::absent(\"{place}/f\")"),
            Self::AbsentDirectory => format!("files::absent(\"{place}/d\")"),
            Self::Mode => {
                format!("files::file(\"{place}/f\", \"before\\n\", #{{ mode: \"0600\" }})")
            }
            Self::Command => command(""),
            Self::SlowCommand => command("sleep 0.02; "),
            Self::Task => task(""),
            Self::SlowTask => task("sleep 0.02; "),
        }
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
}

/// More than goes into a script.
pub(crate) fn large(number: usize) -> String {
    format!("{number} of many\n").repeat(20_000)
}

/// The line of the playbook on which the first call stands.
pub(crate) const FIRST_LINE: usize = 4;

/// A playbook that applies the calls below `root`, within a `timeout` if one is given.
pub(crate) fn playbook(calls: &[Call], root: &Path, timeout: Option<u64>, undo: bool) -> String {
    let hook = if undo { "on_failure(|| h.undo());" } else { "" };
    let opening = timeout.map_or_else(String::new, |ms| format!("timeout(\"{ms}ms\", || "));
    let mut text = format!(
        "each(hosts(\"all\"), |h| {{ {hook}\nh.run(\"true\", #{{ reads: true }});\n{opening}h.apply([\n"
    );
    for (number, call) in calls.iter().enumerate() {
        let place = root.join(call.place(number)).display().to_string();
        let _ = writeln!(text, "{},", call.text(&place, number));
    }
    let closing = if timeout.is_some() { ")" } else { "" };
    let _ = writeln!(text, "]){closing};\n}});");
    text
}

/// What is below a root.
pub(crate) fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let found = std::fs::symlink_metadata(&path).expect("there");
        let name = path
            .strip_prefix(root)
            .expect("below")
            .display()
            .to_string();
        let line = if found.is_symlink() {
            format!(
                "-> {}",
                std::fs::read_link(&path).expect("a link").display()
            )
        } else if found.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a directory");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
            format!("directory {:o}", found.permissions().mode() & 0o7777)
        } else {
            let mode = found.permissions().mode() & 0o7777;
            let text = std::fs::read_to_string(&path).expect("text");
            let shown = if text.len() > 100 {
                format!("{} bytes", text.len())
            } else {
                text
            };
            format!("file {mode:o} {shown:?}")
        };
        tree.insert(name, line);
    }
    tree
}

/// The part of a tree that is in a place.
pub(crate) fn in_place(tree: &Tree, place: &str) -> Tree {
    let below = format!("{place}/");
    tree.iter()
        .filter(|(path, _)| *path == place || path.starts_with(&below))
        .map(|(path, line)| (path.clone(), line.clone()))
        .collect()
}
