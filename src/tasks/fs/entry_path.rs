//! The path of a single entry on a host.

use serde::Deserialize;

use crate::declare::ArgumentError;
use crate::tasks::fs::HostPath;

/// These are never removed or replaced. Entries below them may be, unless they are listed too.
const PROTECTED: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/pam.d",
    "/etc/ssh",
    "/etc/ssl",
    "/etc/systemd",
    "/etc/systemd/system",
    "/home",
    "/lib",
    "/lib/modules",
    "/lib/systemd",
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
    "/usr/lib/modules",
    "/usr/lib/sysimage",
    "/usr/lib/systemd",
    "/usr/lib64",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

/// The path of one entry that a task writes, replaces or removes. It does not end in a slash.
///
/// `"/srv/app/" + name` with an empty `name` is the directory itself, which was not intended. Also,
/// programs differ in what they take a trailing slash to mean: a file in the directory, the directory, or
/// the target of a link.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EntryPath {
    path: HostPath,
    /// As in the playbook: possibly with repeated slashes or `.` components.
    written: String,
}

impl EntryPath {
    /// The path, for a task that removes everything there. This is stricter: no component may be empty, and
    /// the path must not be a directory that the system needs.
    pub fn removable(self) -> Result<HostPath, ArgumentError> {
        let path = self.path.as_str();
        if PROTECTED.contains(&path) || holds_libraries(path) {
            let message = format!("`{}` is a directory that the system needs", self.path);
            return Err(ArgumentError::parameter(0, message).hint("It is never removed."));
        }
        if self.written != path {
            let message = format!(
                "the path `{}` has {}",
                self.written,
                if self.written.contains("//") {
                    "an empty component"
                } else {
                    "a `.` in it"
                }
            );
            return Err(ArgumentError::parameter(0, message).hint(
                "Whatever is at this path is removed, so it must be unambiguous. Is a variable \
                    empty?",
            ));
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
        if let Some(end) = empty_end(&text).filter(|_| path.as_str() != "/") {
            return Err(format!(
                "the path `{text}` ends in {end}\nName the entry itself: `{path}`. Is a variable empty?"
            ));
        }
        Ok(Self {
            path,
            written: text,
        })
    }
}

/// What is at the end of a path instead of a name.
fn empty_end(text: &str) -> Option<&'static str> {
    match text {
        text if text.ends_with('/') => Some("a slash"),
        text if text.ends_with("/.") => Some("`/.`"),
        _ => None,
    }
}

/// The library directory of an architecture: `/usr/lib/x86_64-linux-gnu`.
fn holds_libraries(path: &str) -> bool {
    let name = path
        .strip_prefix("/usr/lib/")
        .or_else(|| path.strip_prefix("/lib/"));
    name.is_some_and(|name| !name.contains('/') && name.contains("-linux-gnu"))
}

#[cfg(test)]
mod tests {
    use super::EntryPath;

    #[test]
    fn an_entry_has_a_name() {
        let entry = |text: &str| EntryPath::try_from(text.to_owned());
        for text in ["/srv/d/", "/srv/d//", "/srv/d/.", "/srv/d/./"] {
            assert!(
                entry(text).is_err_and(|e| {
                    let end = if text.ends_with('.') {
                        "ends in `/.`"
                    } else {
                        "ends in a slash"
                    };
                    e.contains(end) && e.contains("`/srv/d`")
                }),
                "{text}"
            );
        }
        assert!(entry("/srv/../d").is_err() && entry("").is_err());
        for (text, is_removable) in [
            ("/srv/d", true),
            ("//srv/d", false),
            ("/srv/./d", false),
            ("/", false),
            ("/var/lib/dpkg", false),
            ("/var/lib/dpkg/status-old", true),
            ("/usr/lib/x86_64-linux-gnu", false),
            ("/usr/lib/x86_64-linux-gnu/libshop.so", true),
        ] {
            assert_eq!(
                entry(text).expect("a path").removable().is_ok(),
                is_removable,
                "{text}"
            );
        }
    }
}
