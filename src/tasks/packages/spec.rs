//! A package as named in a playbook, and the version wanted of it.

use super::version;
use crate::declare::ArgumentError;

/// A package by its name, optionally with an architecture and a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    pub name: String,
    /// May contain `*`.
    pub version: Option<String>,
}

impl Spec {
    /// Parses `nginx`, `libc6:i386` or `nginx=1.22.*`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, version) = match text.split_once('=') {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => (text, None),
        };
        let (bare, architecture) = match name.split_once(':') {
            Some((bare, architecture)) => (bare, Some(architecture)),
            None => (name, None),
        };
        // Debian Policy 5.6.1. apt would remove a package whose name is followed by a minus.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_name = bare.starts_with(plain)
            && bare.chars().all(|c| plain(c) || "+-.".contains(c))
            && !bare.ends_with('-');
        let is_architecture =
            |text: &str| text.starts_with(plain) && text.chars().all(|c| plain(c) || c == '-');
        if !is_name || !architecture.is_none_or(is_architecture) {
            return Err(format!("{name:?} is not a valid package name"));
        }
        if let Some(version) = &version {
            check_version(version)?;
        }
        Ok(Self {
            name: name.to_owned(),
            version,
        })
    }

    /// Several packages; a version given by an option applies only to a single package.
    pub(crate) fn parse_all(
        names: &[String],
        version: Option<String>,
    ) -> Result<Vec<Self>, ArgumentError> {
        let mut specs: Vec<Self> = Vec::with_capacity(names.len());
        for name in names {
            let spec = Self::parse(name).map_err(|message| ArgumentError::parameter(0, message))?;
            match specs.iter().find(|other| other.name == spec.name) {
                Some(other) if other.version != spec.version => {
                    let message = format!("{} is listed with two versions", spec.name);
                    return Err(ArgumentError::parameter(0, message));
                }
                Some(_) => {}
                None => specs.push(spec),
            }
        }
        if specs.is_empty() {
            return Err(ArgumentError::parameter(
                0,
                "the list is empty: it must name a package",
            ));
        }
        if let Some(version) = version {
            let fault = match specs.as_mut_slice() {
                [only] if only.version.is_none() => check_version(&version).err().or_else(|| {
                    only.version = Some(version);
                    None
                }),
                [_] => Some("the name already contains a version".to_owned()),
                _ => {
                    Some("cannot be used with several packages: write \"name=version\"".to_owned())
                }
            };
            if let Some(message) = fault {
                return Err(ArgumentError::option("version", message));
            }
        }
        Ok(specs)
    }

    /// In the syntax of apt.
    pub(crate) fn argument(&self) -> String {
        match &self.version {
            Some(version) => format!("{}={version}", self.name),
            None => self.name.clone(),
        }
    }

    pub(crate) fn is_met_by(&self, version: &str) -> bool {
        self.version
            .as_ref()
            .is_none_or(|wanted| version::fits(version, wanted))
    }
}

fn check_version(version: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".+-:~*".contains(c);
    if version.is_empty() || version.starts_with('-') || !version.chars().all(plain) {
        return Err(format!("{version:?} is not a valid package version"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_apt_would_take_for_something_else() {
        for good in ["g++", "libc6:i386", "nginx=1.22.*", "a=1:2.3-4~x+y", "0ad"] {
            assert!(Spec::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "", "-y", "nginx-", "a b", "a;b", "$x", "Nginx", "a/b", "a=", "a=-1", "a=1 2", "a*",
            "a:", "--option", "./x.deb", "a\n",
        ] {
            assert!(Spec::parse(bad).is_err(), "{bad}");
        }
    }
}
