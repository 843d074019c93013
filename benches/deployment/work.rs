//! The twenty things that are brought about, written for `ops` and for a shell, and the look whether they are
//! there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::fleet::{Fleet, Sshd};

/// Five of each.
const EACH: usize = 5;

/// One set of things, in a directory of its own on every host.
#[derive(Debug)]
pub struct Work {
    name: String,
}

impl Work {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }

    /// Where on a host.
    fn root(&self, host: &Sshd) -> PathBuf {
        host.root().join(&self.name)
    }

    fn content(number: usize) -> String {
        (1..=20)
            .map(|line| format!("file {number}, line {line} of a configuration\n"))
            .collect()
    }

    /// For `ops run`. A host finds its directory below the variable `root`.
    pub fn playbook(&self) -> String {
        let mut tasks = String::new();
        for n in 1..=EACH {
            tasks += &format!("files::directory(root + \"/dir{n}\", #{{ mode: \"0750\" }}),\n");
        }
        for n in 1..=EACH {
            let content = Self::content(n).replace('\n', "\\n");
            tasks += &format!(
                "files::file(root + \"/dir{n}/file\", \"{content}\", #{{ mode: \"0640\" }}),\n"
            );
        }
        for n in 1..=EACH {
            tasks += &format!("files::line(root + \"/lines\", \"setting{n} = {n}\"),\n");
        }
        for n in 1..=EACH {
            tasks += &format!(
                "commands::run(\"echo {n} >>\" + quote(root + \"/log\"), #{{ changed_when: false }}),\n"
            );
        }
        format!(
            "each(hosts(\"all\"), |h| {{\nlet root = h.vars.root + \"/{}\";\nh.apply([\n{tasks}]);\n}});\n",
            self.name
        )
    }

    /// For `sh -s` on a host: what a careful person writes by hand. Each thing is looked at, and changed only
    /// if it is not as it should be.
    pub fn script(&self, host: &Sshd) -> String {
        let mut script = format!(
            "set -eu\nroot={}\n\
             directory() {{ [ -d \"$1\" ] && [ \"$(stat -c %a \"$1\")\" = \"$2\" ] || {{ mkdir -p \"$1\" && chmod \"$2\" \"$1\"; }}; }}\n\
             file() {{\n    cat >\"$1.new\"\n    if cmp -s \"$1.new\" \"$1\" && [ \"$(stat -c %a \"$1\")\" = \"$2\" ]; then rm \"$1.new\"\n    \
             else chmod \"$2\" \"$1.new\" && mv \"$1.new\" \"$1\"; fi\n}}\n\
             line() {{ grep -qxF \"$2\" \"$1\" 2>/dev/null || printf '%s\\n' \"$2\" >>\"$1\"; }}\n",
            self.root(host).display()
        );
        for n in 1..=EACH {
            script += &format!("directory \"$root/dir{n}\" 750\n");
        }
        for n in 1..=EACH {
            script += &format!(
                "file \"$root/dir{n}/file\" 640 <<'END'\n{}END\n",
                Self::content(n)
            );
        }
        for n in 1..=EACH {
            script += &format!("line \"$root/lines\" 'setting{n} = {n}'\n");
        }
        for n in 1..=EACH {
            script += &format!("sh -c 'echo {n} >>\"$1\"' sh \"$root/log\"\n");
        }
        script
    }

    /// Looks whether everything is there on every host, after so many runs.
    pub fn verify(&self, fleet: &Fleet, runs: usize) {
        for host in fleet.hosts() {
            let root = self.root(host);
            let read = |name: &str| {
                fs::read_to_string(root.join(name))
                    .unwrap_or_else(|error| panic!("{}/{name}: {error}", root.display()))
            };
            for n in 1..=EACH {
                assert_eq!(mode(&root.join(format!("dir{n}"))), 0o750);
                assert_eq!(mode(&root.join(format!("dir{n}/file"))), 0o640);
                assert_eq!(read(&format!("dir{n}/file")), Self::content(n));
            }
            let lines: String = (1..=EACH).map(|n| format!("setting{n} = {n}\n")).collect();
            assert_eq!(read("lines"), lines);
            let log: String = (1..=EACH).map(|n| format!("{n}\n")).collect();
            assert_eq!(read("log"), log.repeat(runs));
        }
    }

    /// What a change would leave its mark on: the inode and the time of every file that is no log.
    pub fn traces(&self, fleet: &Fleet) -> Vec<(PathBuf, u64, i64, i64)> {
        let mut traces = Vec::new();
        for host in fleet.hosts() {
            let root = self.root(host);
            let files = (1..=EACH)
                .map(|n| root.join(format!("dir{n}/file")))
                .chain([root.join("lines")]);
            for path in files {
                let meta = fs::metadata(&path)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                traces.push((path, meta.ino(), meta.mtime(), meta.mtime_nsec()));
            }
        }
        traces
    }

    pub fn remove(&self, fleet: &Fleet) {
        for host in fleet.hosts() {
            fs::remove_dir_all(self.root(host)).expect("what was made can be removed");
        }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .mode()
        & 0o7777
}
