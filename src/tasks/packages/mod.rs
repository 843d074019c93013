//! `packages::installed` and `packages::absent`. apt is the only package manager so far.

mod spec;
mod version;

use std::time::Duration;

use serde::Deserialize;

use super::one_or_many::OneOrMany;
use super::span::Span;
use super::{ArgumentError, Surroundings, task};
use crate::model::Diff;
use crate::shell::quote_str as quote;
use crate::task::{
    Answer, Change, Found, Installed as Package, Plan, Query, Resource, Task, Touches,
};
use spec::Spec;

task! {
    /// Keeps packages installed: one, or a list with one call of the package manager for all.
    ///
    /// | option | what it does |
    /// |---|---|
    /// | `version` | the version of the only package; in a list write `"nginx=1.22.*"`. `*` stands for any text |
    /// | `allow_downgrade` | whether a newer version may be replaced by an older one |
    /// | `update` | fetch the lists of packages before: `true`, `false`, or their greatest age, `"1h"`; if not given, they are fetched when apt cannot install by those that are there |
    /// | `recommends` | whether recommended packages come too, `true` if not given |
    /// | `release` | take packages from this release: `"bookworm-backports"` |
    /// | `timeout` | how long it may take, `"30m"` if not given |
    ///
    /// A package without a version is left at the one that it has. With one, any other is changed; if the one that is there is newer, that is an error
    /// unless `allow_downgrade` is set. A package that is held is never changed: that is an error too. A name for which there is no package is satisfied
    /// by an installed one that provides it (`mail-transport-agent`). `libc6:i386` names an architecture.
    ///
    /// Nothing is asked: files of the configuration that were changed stay as they are. A package manager that is
    /// at work is waited for, five minutes long. The lists are fetched only if there is something to install; a check writes nothing.
    ///
    /// Undone, exactly the packages that appeared are purged, dependencies included, and those that changed get their former version
    /// back, where it still can be had; the undo fails where it cannot, and where something else has come to need a package.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(packages::installed(["nginx=1.22.*", "rsync"], #{ update: "1h" }));
    /// });
    /// ```
    INSTALLED = packages::installed(names: OneOrMany; InstalledOptions) => Installed::new
}

task! {
    /// Keeps packages from being installed.
    ///
    /// | option | what it does |
    /// |---|---|
    /// | `purge` | whether the files of their configuration go too |
    /// | `timeout` | how long it may take, `"30m"` if not given |
    ///
    /// What needs the packages is removed with them. A name that only other packages provide counts as absent; so does a package of which
    /// only the configuration is left. A package that is held is never removed: that is an error.
    ///
    /// Undone, what was removed is installed again in the version that it had, where that still can be had. What
    /// `purge` took is not given back.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(packages::absent(["telnetd", "rsh-server"], #{ purge: true }));
    /// });
    /// ```
    ABSENT = packages::absent(names: OneOrMany; AbsentOptions) => Absent::new
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstalledOptions {
    version: Option<String>,
    allow_downgrade: bool,
    update: Option<Update>,
    recommends: Option<bool>,
    release: Option<String>,
    timeout: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AbsentOptions {
    purge: bool,
    timeout: Option<Span>,
}

/// When the lists are fetched.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "true, false or a greatest age like \"1h\"")]
enum Update {
    Always(bool),
    OlderThan(Span),
}

const APT: &str = include_str!("apt.sh");

/// An installation takes its time.
const USUAL_TIMEOUT: Duration = Duration::from_mins(30);

/// Packages that are to be there.
pub struct Installed {
    specs: Vec<Spec>,
    options: InstalledOptions,
}

/// Packages that are not to be there.
pub struct Absent {
    specs: Vec<Spec>,
    options: AbsentOptions,
}

impl Installed {
    fn new(
        names: OneOrMany,
        mut options: InstalledOptions,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        let specs = Spec::parse_all(&names.into_vec(), options.version.take())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-./".contains(c);
        if let Some(release) = &options.release
            && (!release.starts_with(|c: char| c.is_ascii_alphanumeric())
                || !release.chars().all(plain))
        {
            let message = format!("{release:?} is no name of a release");
            return Err(ArgumentError::option("release", message));
        }
        Ok(Self { specs, options })
    }

    /// What is missing, with what is there of it. `Err`: why that cannot be.
    fn missing<'a>(
        &'a self,
        found: &'a Found,
    ) -> Result<Vec<(&'a Spec, Option<&'a Package>)>, Plan> {
        let mut missing = Vec::new();
        for spec in &self.specs {
            let package = found.package(&spec.name).map_err(Plan::Unknown)?;
            let is_met = package.is_some_and(|package| match package.provider {
                Some(_) => spec.version.is_none(),
                None => spec.is_met_by(&package.version),
            });
            if is_met {
                continue;
            }
            if let Some(package) = package {
                self.may_change(spec, package).map_err(Plan::Impossible)?;
            }
            missing.push((spec, package));
        }
        Ok(missing)
    }

    fn may_change(&self, spec: &Spec, package: &Package) -> Result<(), String> {
        let (name, version) = (&spec.name, &package.version);
        if package.held {
            return Err(held(name, version));
        }
        let wanted = spec.version.as_deref().unwrap_or("*");
        if !self.options.allow_downgrade
            && package.provider.is_none()
            && version::is_newer_than(version, wanted)
        {
            return Err(format!(
                "{name} is installed in version {version}, newer than {wanted}: only with allow_downgrade is it replaced"
            ));
        }
        Ok(())
    }

    fn apply(&self, missing: &[(&Spec, Option<&Package>)]) -> String {
        let mut call = "install".to_owned();
        if self.options.allow_downgrade {
            call.push_str(" --allow-downgrades");
        }
        match self.options.recommends {
            Some(true) => call.push_str(" --install-recommends"),
            Some(false) => call.push_str(" --no-install-recommends"),
            None => {}
        }
        if let Some(release) = &self.options.release {
            call.push_str(&format!(" -t {}", quote(release)));
        }
        for (spec, _) in missing {
            call.push_str(&format!(" {}", quote(&spec.argument())));
        }
        let update = match self.options.update {
            Some(Update::Always(true)) => "update_lists\n".to_owned(),
            Some(Update::Always(false)) => String::new(),
            Some(Update::OlderThan(age)) => {
                let minutes = age.0.as_secs().div_ceil(60).max(1);
                format!("are_fresh {minutes} || update_lists\n")
            }
            None => format!("apt {call} -s -qq >/dev/null 2>&1 || update_lists\n"),
        };
        format!("{APT}{update}change {call}\n")
    }
}

impl Task for Installed {
    fn label(&self) -> String {
        label("installed", &self.specs)
    }

    fn queries(&self) -> Vec<Query> {
        queries(&self.specs)
    }

    fn touches(&self) -> Touches {
        touches(&self.specs)
    }

    fn plan(&self, found: &Found) -> Plan {
        let missing = match self.missing(found) {
            Ok(missing) if missing.is_empty() => return Plan::Unchanged,
            Ok(missing) => missing,
            Err(plan) => return plan,
        };
        let diff = missing.iter().map(|(spec, package)| Diff::Property {
            name: spec.name.clone(),
            before: package.map_or("absent", |p| p.version.as_str()).to_owned(),
            after: spec.version.as_deref().unwrap_or("installed").to_owned(),
        });
        let leaves = missing.iter().map(|(spec, _)| {
            let version = spec.version.clone().unwrap_or_default();
            let package = Package {
                version,
                held: false,
                provider: None,
            };
            (
                Query::Package(spec.name.clone()),
                Answer::Package(Some(package)),
            )
        });
        let change = Change::new(diff.collect(), self.apply(&missing), undo());
        let names: Vec<String> = missing.iter().map(|(spec, _)| spec.argument()).collect();
        Plan::Change(Box::new(Change {
            command: true,
            timeout: Some(self.options.timeout.map_or(USUAL_TIMEOUT, |span| span.0)),
            shown: Some(format!("apt-get install {}", names.join(" "))),
            ..change.leaving(leaves.collect())
        }))
    }
}

impl Absent {
    fn new(
        names: OneOrMany,
        options: AbsentOptions,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        let specs = Spec::parse_all(&names.into_vec(), None)?;
        if let Some(spec) = specs.iter().find(|spec| spec.version.is_some()) {
            let message = format!("{} is to be absent in every version", spec.name);
            return Err(ArgumentError::parameter(0, message));
        }
        Ok(Self { specs, options })
    }
}

impl Task for Absent {
    fn label(&self) -> String {
        label("absent", &self.specs)
    }

    fn queries(&self) -> Vec<Query> {
        queries(&self.specs)
    }

    fn touches(&self) -> Touches {
        touches(&self.specs)
    }

    fn plan(&self, found: &Found) -> Plan {
        let mut diff = Vec::new();
        let mut names = Vec::new();
        for spec in &self.specs {
            match found.package(&spec.name) {
                Err(reason) => return Plan::Unknown(reason),
                Ok(Some(package)) if package.provider.is_none() => {
                    if package.held {
                        return Plan::Impossible(held(&spec.name, &package.version));
                    }
                    diff.push(Diff::Property {
                        name: spec.name.clone(),
                        before: package.version.clone(),
                        after: "absent".to_owned(),
                    });
                    names.push(spec.name.clone());
                }
                Ok(_) => {}
            }
        }
        if names.is_empty() {
            return Plan::Unchanged;
        }
        let verb = if self.options.purge {
            "purge"
        } else {
            "remove"
        };
        let quoted: Vec<String> = names.iter().map(|name| quote(name)).collect();
        let apply = format!("{APT}change {verb} {}\n", quoted.join(" "));
        let leaves = names
            .iter()
            .map(|name| (Query::Package(name.clone()), Answer::Package(None)))
            .collect();
        Plan::Change(Box::new(Change {
            command: true,
            timeout: Some(self.options.timeout.map_or(USUAL_TIMEOUT, |span| span.0)),
            shown: Some(format!("apt-get {verb} {}", names.join(" "))),
            ..Change::new(diff, apply, undo()).leaving(leaves)
        }))
    }
}

fn label(function: &str, specs: &[Spec]) -> String {
    let names: Vec<String> = specs.iter().map(Spec::argument).collect();
    format!("packages::{function} {}", names.join(" "))
}

fn queries(specs: &[Spec]) -> Vec<Query> {
    specs
        .iter()
        .map(|spec| Query::Package(spec.name.clone()))
        .collect()
}

fn touches(specs: &[Spec]) -> Touches {
    Touches {
        reads: Vec::new(),
        writes: specs
            .iter()
            .map(|spec| Resource::Package(spec.name.clone()))
            .collect(),
    }
}

fn held(name: &str, version: &str) -> String {
    format!("{name} is held at version {version}: `apt-mark unhold {name}` would let it change")
}

fn undo() -> String {
    format!("{APT}change_back\n")
}
