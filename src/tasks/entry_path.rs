//! The path of a single entry on a host.

use serde::Deserialize;

use super::{ArgumentError, HostPath};

/// Never removed or replaced. What stands below one of these may be, unless it is listed too.
const PROTECTED: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

/// The path of one entry that a task writes, replaces or removes: no slash at its end.
///
/// `"/srv/app/" + name` with an empty `name` is the directory, and not what was meant. What a slash at the end means differs between
/// programs too: a file in the directory, the directory, or what a link leads to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EntryPath {
    path: HostPath,
    /// Two slashes, or a `.` between two.
    has_empty_name: bool,
}

impl EntryPath {
    /// The path, where a task removes all that stands there. Stricter: no name within it may be empty either, and it is no directory
    /// that the system needs.
    pub fn removable(self) -> Result<HostPath, ArgumentError> {
        if PROTECTED.contains(&self.path.as_str()) {
            let message = format!("`{}` is a directory that the system needs", self.path);
            return Err(ArgumentError::parameter(0, message).hint("It is never removed."));
        }
        if self.has_empty_name {
            let message = format!(
                "the path of `{}` is written with an empty name or a `.` in it",
                self.path
            );
            return Err(ArgumentError::parameter(0, message)
                .hint("What stands at this path is removed, so it must be written out. Is a variable empty?"));
        }
        Ok(self.path)
    }
}

impl From<EntryPath> for HostPath {
    fn from(entry: EntryPath) -> Self {
        entry.path
    }
}

impl TryFrom<String> for EntryPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = HostPath::try_from(text.clone())?;
        if path.as_str() != "/" && has_no_last_name(&text) {
            return Err(format!(
                "the path `{text}` ends in a slash\nName the entry itself: `{path}`. Is a variable empty?"
            ));
        }
        let has_empty_name = text != path.as_str();
        Ok(Self {
            path,
            has_empty_name,
        })
    }
}

fn has_no_last_name(text: &str) -> bool {
    text.ends_with('/') || text.ends_with("/.")
}

#[cfg(test)]
mod tests {
    use super::EntryPath;

    #[test]
    fn an_entry_has_a_name() {
        let entry = |text: &str| EntryPath::try_from(text.to_owned());
        for text in ["/srv/d/", "/srv/d//", "/srv/d/.", "/srv/d/./"] {
            assert!(
                entry(text).is_err_and(|e| e.contains("ends in a slash") && e.contains("`/srv/d`")),
                "{text}"
            );
        }
        assert!(entry("/srv/../d").is_err() && entry("").is_err());
        for (text, is_removable) in [
            ("/srv/d", true),
            ("//srv/d", false),
            ("/srv/./d", false),
            ("/", false),
        ] {
            assert_eq!(
                entry(text).expect("a path").removable().is_ok(),
                is_removable,
                "{text}"
            );
        }
    }
}
