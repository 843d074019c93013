//! Paths on a host, as written in a playbook.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::shell::quote_str;

/// An absolute path on a host in normal form: no `.`, no `..`, no empty component, no trailing slash.
///
/// `..` is refused because its meaning depends on the links before it, and conflicts between tasks are
/// found by comparing paths.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPath(String);

/// `PATH_MAX` of Linux without the NUL at its end, and `NAME_MAX`.
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

impl HostPath {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As one word of a shell. Starts with a slash (or a quote before one), so it cannot be an option.
    #[must_use]
    pub fn quoted(&self) -> String {
        quote_str(&self.0)
    }

    /// The parent directory; `/` for `/`.
    #[must_use]
    pub fn parent(&self) -> &str {
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => "/",
            Some((parent, _)) => parent,
        }
    }

    /// The parent directories, the nearest first, without `/`.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            let (parent, _) = rest.rsplit_once('/')?;
            rest = parent;
            (!parent.is_empty()).then_some(parent)
        })
    }

    /// A hidden name beside it for an entry that is about to replace it. The name is always the same for
    /// the same `purpose`, so that the leftovers of a killed run are found.
    #[must_use]
    pub fn beside(&self, purpose: &str) -> Self {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(format!("{}\0{purpose}", self.0));
        let tag: String = digest[..6].iter().map(|b| format!("{b:02x}")).collect();
        Self(format!(
            "{}/.ops-{tag}",
            self.parent().trim_end_matches('/')
        ))
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<HostPath> for String {
    fn from(path: HostPath) -> Self {
        path.0
    }
}

impl TryFrom<String> for HostPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path is empty".to_owned());
        }
        if text.contains('\0') {
            return Err(format!("the path {text:?} contains a NUL byte"));
        }
        if text.starts_with('~') {
            return Err(format!(
                "the path `{text}` is not absolute\nA path on a host starts with a slash; `~` is not \
                 expanded."
            ));
        }
        if !text.starts_with('/') {
            return Err(format!(
                "the path `{text}` is not absolute\nA path on a host starts with a slash."
            ));
        }
        let mut path = String::with_capacity(text.len());
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    return Err(format!(
                        "the path `{text}` contains `..`\nWrite the path without it."
                    ));
                }
                name if name.len() > LONGEST_NAME => {
                    return Err(format!(
                        "the path has a component of {} bytes, but file systems allow only {LONGEST_NAME}",
                        name.len()
                    ));
                }
                name => {
                    path.push('/');
                    path.push_str(name);
                }
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        if path.len() > LONGEST_PATH {
            return Err(format!(
                "the path has {} bytes, but hosts allow only {LONGEST_PATH}",
                path.len()
            ));
        }
        Ok(Self(path))
    }
}

#[cfg(test)]
mod tests {
    use super::HostPath;

    fn path(text: &str) -> Result<String, String> {
        HostPath::try_from(text.to_owned()).map(Into::into)
    }

    #[test]
    fn is_normalised() {
        assert_eq!(path("/srv//app/./x/"), Ok("/srv/app/x".to_owned()));
        assert_eq!(path("//"), Ok("/".to_owned()));
        assert_eq!(path("/-rf"), Ok("/-rf".to_owned()));
    }

    #[test]
    fn refuses_with_a_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("srv", "not absolute"),
            ("~/x", "not expanded"),
            ("/a/../b", "contains `..`"),
            ("/a\0b", "contains a NUL"),
        ] {
            assert!(path(text).is_err_and(|e| e.contains(reason)), "{text:?}");
        }
        assert!(path(&format!("/{}", "x".repeat(256))).is_err());
        assert!(path(&"/x".repeat(2500)).is_err());
    }

    #[test]
    fn returns_the_parent_directories() {
        let path = HostPath::try_from("/a/b/c".to_owned()).expect("a path");
        assert_eq!(path.parent(), "/a/b");
        assert_eq!(path.ancestors().collect::<Vec<_>>(), ["/a/b", "/a"]);
        assert!(path.beside("new").as_str().starts_with("/a/b/.ops-"));
        let top = HostPath::try_from("/a".to_owned()).expect("a path");
        assert_eq!((top.parent(), top.ancestors().count()), ("/", 0));
        assert!(top.beside("new").as_str().starts_with("/.ops-"));
    }
}
