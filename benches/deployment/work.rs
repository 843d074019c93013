//! The work to do, written for `ops` and for a shell, and the check that it was done.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::fleet::{Fleet, Sshd};

/// The number of things of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    pub directories: usize,
    /// Each in its own directory: at most as many as directories.
    pub files: usize,
    pub lines: usize,
    pub commands: usize,
}

impl Amount {
    /// Five of each: twenty tasks.
    pub(crate) const TWENTY: Self = Self {
        directories: 5,
        files: 5,
        lines: 5,
        commands: 5,
    };

    /// Fifty tasks that have nothing to change the second time: a command would run again.
    pub(crate) const FIFTY: Self = Self {
        directories: 20,
        files: 20,
        lines: 10,
        commands: 0,
    };
}

/// One set of things, in its own directory on every host.
#[derive(Debug)]
pub(crate) struct Work {
    pub name: String,
    pub amount: Amount,
}

impl Work {
    pub(crate) fn new(name: &str, amount: Amount) -> Self {
        Self {
            name: name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            amount,
        }
    }

    /// Its directory on a host.
    pub(crate) fn root(&self, host: &Sshd) -> PathBuf {
        host.root().join(&self.name)
    }

    pub(crate) fn content(number: usize) -> String {
        (1..=20)
            .map(|line| format!("file {number}, line {line} of a configuration\n"))
            .collect()
    }

    /// For `ops run`. A host finds its directory below the variable `root`.
    pub(crate) fn playbook(&self) -> String {
        let mut tasks = String::new();
        for n in 1..=self.amount.directories {
            tasks += &format!("files::directory(root + \"/dir{n}\", #{{ mode: \"0750\" }}),\n");
        }
        for n in 1..=self.amount.files {
            let content = Self::content(n).replace('\n', "\\n");
            tasks += &format!(
                "files::file(root + \"/dir{n}/file\", \"{content}\", #{{ mode: \"0640\" }}),\n"
            );
        }
        for n in 1..=self.amount.lines {
            tasks += &format!("files::line(root + \"/lines\", \"setting{n} = {n}\"),\n");
        }
        for n in 1..=self.amount.commands {
            tasks += &format!(
                "commands::run(\"echo {n} >>\" + quote(root + \"/log\"), #{{ changed_when: false }}),\n"
            );
        }
        format!(
            "each(hosts(\"all\"), |h| {{\nlet root = h.vars.root + \"/{}\";\nh.apply([\n{tasks}]);\n}});\n",
            self.name
        )
    }

    /// For `sh -s` on a host: what a careful person writes by hand. Each thing is checked, and changed only
    /// if it is not in the desired state.
    pub(crate) fn script(&self, root: &Path) -> String {
        let mut script = format!(
            "set -eu\nroot={}\n\
             directory() {{ [ -d \"$1\" ] && [ \"$(stat -c %a \"$1\")\" = \"$2\" ] || {{ mkdir -p \"$1\" && chmod \"$2\" \"$1\"; }}; }}\n\
             file() {{\n    cat >\"$1.new\"\n    if cmp -s \"$1.new\" \"$1\" && [ \"$(stat -c %a \"$1\")\" = \"$2\" ]; then rm \"$1.new\"\n    \
             else chmod \"$2\" \"$1.new\" && mv \"$1.new\" \"$1\"; fi\n}}\n\
             line() {{ grep -qxF \"$2\" \"$1\" 2>/dev/null || printf '%s\\n' \"$2\" >>\"$1\"; }}\n",
            root.display()
        );
        for n in 1..=self.amount.directories {
            script += &format!("directory \"$root/dir{n}\" 750\n");
        }
        for n in 1..=self.amount.files {
            script += &format!(
                "file \"$root/dir{n}/file\" 640 <<'END'\n{}END\n",
                Self::content(n)
            );
        }
        for n in 1..=self.amount.lines {
            script += &format!("line \"$root/lines\" 'setting{n} = {n}'\n");
        }
        for n in 1..=self.amount.commands {
            script += &format!("sh -c 'echo {n} >>\"$1\"' sh \"$root/log\"\n");
        }
        script
    }

    /// Checks that everything exists on every host, after this many runs. `Err` says what is missing.
    pub(crate) fn verify(&self, fleet: &Fleet, runs: usize) -> Result<(), String> {
        for host in fleet.hosts() {
            let root = self.root(host);
            let holds = |name: &str, wanted: &str| {
                let path = root.join(name);
                let there = fs::read_to_string(&path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                if there == wanted {
                    Ok(())
                } else {
                    Err(format!("{} holds {there:?}", path.display()))
                }
            };
            for n in 1..=self.amount.directories {
                has_mode(&root.join(format!("dir{n}")), 0o750)?;
            }
            for n in 1..=self.amount.files {
                has_mode(&root.join(format!("dir{n}/file")), 0o640)?;
                holds(&format!("dir{n}/file"), &Self::content(n))?;
            }
            let all = |count: usize, line: fn(usize) -> String| -> String {
                (1..=count).map(line).collect()
            };
            holds(
                "lines",
                &all(self.amount.lines, |n| format!("setting{n} = {n}\n")),
            )?;
            if self.amount.commands > 0 {
                holds(
                    "log",
                    &all(self.amount.commands, |n| format!("{n}\n")).repeat(runs),
                )?;
            }
        }
        Ok(())
    }

    /// What any change would affect: the inode and the time of every file except logs.
    pub(crate) fn traces(&self, fleet: &Fleet) -> Vec<(PathBuf, u64, i64, i64)> {
        let mut traces = Vec::new();
        for host in fleet.hosts() {
            let root = self.root(host);
            let files = (1..=self.amount.files)
                .map(|n| root.join(format!("dir{n}/file")))
                .chain([root.join("lines")]);
            for path in files {
                // `verify` has reported what is missing.
                let Ok(meta) = fs::metadata(&path) else {
                    continue;
                };
                traces.push((path, meta.ino(), meta.mtime(), meta.mtime_nsec()));
            }
        }
        traces
    }

    pub(crate) fn remove(&self, fleet: &Fleet) {
        for host in fleet.hosts() {
            // A rival that failed may have left nothing.
            let _ = fs::remove_dir_all(self.root(host));
        }
    }
}

fn has_mode(path: &Path, wanted: u32) -> Result<(), String> {
    let mode = fs::metadata(path)
        .map_err(|error| format!("{}: {error}", path.display()))?
        .mode()
        & 0o7777;
    if mode == wanted {
        Ok(())
    } else {
        Err(format!("{} has mode {mode:o}", path.display()))
    }
}
