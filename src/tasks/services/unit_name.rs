//! Names of units.

use std::fmt;

use serde::Deserialize;

/// The full name of a unit: `nginx.service`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct UnitName(String);

/// systemd.unit(5).
pub(crate) const SUFFIXES: [&str; 11] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];

impl UnitName {
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UnitName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c);
        if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) {
            return Err(format!("{name:?} is not a valid unit name"));
        }
        let whole = if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            name
        } else {
            format!("{name}.service")
        };
        if whole.len() > 255 {
            return Err("the unit name is longer than 255 bytes".to_owned());
        }
        if whole.contains("@.") {
            return Err(format!(
                "{whole} is a template\nUse an instance of it: {}.",
                whole.replacen("@.", "@NAME.", 1)
            ));
        }
        Ok(Self(whole))
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_suffix_is_a_service() {
        let name = |n: &str| UnitName::try_from(n.to_owned());
        assert_eq!(name("nginx").expect("good").as_str(), "nginx.service");
        assert_eq!(name("a.b").expect("good").as_str(), "a.b.service");
        assert_eq!(name("x@y").expect("good").as_str(), "x@y.service");
        assert_eq!(name("apt.timer").expect("good").as_str(), "apt.timer");
        for bad in ["", "-x", "a b", "a\n", "$x", "*", "x@", "ü", "a/b"] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
