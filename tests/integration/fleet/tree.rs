//! The whole file tree of a host, to be compared with what it was before.

use std::collections::BTreeMap;

/// Every file of a host with its kind, mode, owner, size and times, by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<String, String>);

/// Prints a tree. What changes by a mere login, or by time going by, is left out: logs, and the state of the
/// machine's own services.
pub(crate) const PRINT: &str = "find / /tmp /run -xdev \
    \\( -path /var/log -o -path /proc -o -path /sys -o -path /dev -o -path '/run/*tmp' -o -path '/run/motd*' -o -path /run/log -o -path /run/sudo \
    -o -path /run/systemd -o -path /run/user -o -path /var/lib/systemd -o -path /var/lib/private \\) -prune \
    -o ! -path /run ! -path /tmp -printf '%p\\t%y %m %u:%g %s %T@ %C@ %l\\n' | sort -u";

impl Tree {
    pub(crate) fn parse(printed: &str) -> Self {
        let lines = printed.lines().filter_map(|line| line.split_once('\t'));
        Self(
            lines
                .map(|(path, of)| (path.to_owned(), of.to_owned()))
                .collect(),
        )
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is new, gone or another, a line each.
    pub(crate) fn since(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (path, now) in &self.0 {
            match before.0.get(path) {
                None => changes.push(format!("new: {path} {now}")),
                Some(was) if was != now => changes.push(format!("changed: {path} {was} -> {now}")),
                Some(_) => {}
            }
        }
        changes.extend(
            before
                .0
                .keys()
                .filter(|path| !self.0.contains_key(*path))
                .map(|path| format!("gone: {path}")),
        );
        changes
    }
}
