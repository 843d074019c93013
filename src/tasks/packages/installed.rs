//! `packages::installed`.

use serde::Deserialize;

use super::apt::{USUAL_TIMEOUT, head, held, label, provided, queries, touches, undo};
use super::offers::{self, Offers};
use super::spec::Spec;
use super::{simulation, version};
use crate::declare::{ArgumentError, OneOrMany, Span, options};
use crate::model::Diff;
use crate::shell::quote_str as quote;
use crate::task::{Answer, Change, Found, Installed as Package, Need, Plan, Query, Task, Touches};
use crate::tasks::entry::task;

task! {
    /// Keeps packages installed: one, or a list with one call of the package manager for all.
    ///
    /// A package without a version is left at the one that it has. With one, any other is changed; if the
    /// one that is there is newer, that is an error unless `allow_downgrade` is set. A package that is held
    /// is never changed: that is an error too. A name for which there is no package is satisfied by an
    /// installed one that provides it (`mail-transport-agent`), and the outcome names that one; where
    /// several could provide it and none is installed, that is an error which lists them. `libc6:i386`
    /// names an architecture.
    ///
    /// Of the versions that fit a pattern, the one is installed that apt prefers by its pins
    /// (apt_preferences(5)), the newest of these. The diff shows the version that apt would choose by the
    /// lists that the host has.
    ///
    /// Nothing is asked: files of the configuration that were changed stay as they are. A package manager
    /// that is at work is waited for, whichever of its four locks it holds (the two of dpkg, that of the
    /// lists, that of the archives); the output names it. What a package manager that was killed left half
    /// done is finished first by `dpkg --configure -a`, and the outcome says so. The lists are fetched only
    /// if there is something to install; a check writes nothing.
    ///
    /// Undone, exactly the packages that appeared are purged, dependencies included, and those that changed
    /// get their former version back, where it still can be had; the undo fails where it cannot, and where
    /// something else has come to need a package.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(packages::installed(["nginx=1.22.*", "rsync"], #{ update: "1h" }));
    /// });
    /// ```
    packages::installed(names: OneOrMany; Options) => Installed::new
}

options! {
    #[derive(Debug, Default)]
    #[serde(default)]
    pub struct Options {
        /// the version of the only package; in a list write `"nginx=1.22.*"`. `*` stands for any text
        version: Option<String>,
        /// whether a newer version may be replaced by an older one
        allow_downgrade: bool,
        /// fetch the lists of packages before: `true`, `false`, or their greatest age, `"1h"`; if not
        /// given, they are fetched when apt cannot install by those that are there
        update: Option<Update>,
        /// whether recommended packages come too, `true` if not given
        recommends: Option<bool>,
        /// take packages from this release: `"bookworm-backports"`
        release: Option<String>,
        /// how long another package manager that is at work is waited for, `"5m"` if not given
        wait: Option<Span>,
        /// how long it may take, `"30m"` if not given
        timeout: Option<Span>,
    }
}

/// When the lists are fetched.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "true, false or a greatest age like \"1h\"")]
enum Update {
    Always(bool),
    OlderThan(Span),
}

/// Packages that are to be there.
pub struct Installed {
    specs: Vec<Spec>,
    options: Options,
}

impl Installed {
    fn new(names: OneOrMany, mut options: Options) -> Result<Self, ArgumentError> {
        let specs = Spec::parse_all(&names.into_vec(), options.version.take())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-./".contains(c);
        if let Some(release) = &options.release
            && (!release.starts_with(|c: char| c.is_ascii_alphanumeric())
                || !release.chars().all(plain))
        {
            let message = format!("{release:?} is not the name of a release");
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
        // Which version fits a pattern depends on pins, and on lists that may be fetched first. No word of a version holds a blank.
        let words: Vec<String> = missing
            .iter()
            .map(
                |(spec, _)| match spec.version.as_deref().filter(|v| v.contains('*')) {
                    Some(pattern) => format!(
                        "choose {} {} {}",
                        quote(&spec.name),
                        quote(pattern),
                        quote(&version::expression(pattern))
                    ),
                    None => format!("echo {}", quote(&spec.argument())),
                },
            )
            .collect();
        let release = self.options.release.as_deref().unwrap_or_default();
        let wanted = format!(
            "release={}\nwanted() {{\n{}\n}}\nwith_call() {{\nhow=$1\nset -f\nset -- {call} $(wanted)\nset +f\n$how \"$@\"\n}}\n",
            quote(release),
            words.join("\n")
        );
        let update = match self.options.update {
            Some(Update::Always(true)) => "update_lists\n".to_owned(),
            Some(Update::Always(false)) => String::new(),
            Some(Update::OlderThan(age)) => {
                let minutes = age.0.as_secs().div_ceil(60).max(1);
                format!("are_fresh {minutes} || update_lists\n")
            }
            None => "with_call simulate || update_lists\n".to_owned(),
        };
        format!(
            "{}{wanted}{update}with_call change\n",
            head(self.options.wait)
        )
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

    fn remark(&self, found: &Found) -> Option<String> {
        provided(&self.specs, found, |name, provider| {
            format!("{provider} provides {name}")
        })
    }

    fn needs(&self) -> Vec<Need> {
        let help = match self.options.update {
            Some(Update::Always(false)) => None,
            _ => Some("a run fetches the lists of packages first"),
        };
        let is_fetched = help.is_some();
        let query = simulation::query(&self.specs, self.options.release.as_deref(), is_fetched);
        vec![Need::Looked { query, help }]
    }

    fn plan(&self, found: &Found) -> Plan {
        let missing = match self.missing(found) {
            Ok(missing) if missing.is_empty() => return Plan::Unchanged,
            Ok(missing) => missing,
            Err(plan) => return plan,
        };
        let offered = {
            let specs: Vec<&Spec> = missing.iter().map(|(spec, _)| *spec).collect();
            offers::query(&specs, self.options.release.as_deref())
        };
        if found.get(&offered).is_none() {
            return Plan::Ask(vec![offered]);
        }
        let offers = match found.table(&offered) {
            Ok(rows) => Offers(rows),
            Err(reason) => return Plan::Unknown(reason),
        };
        let mut diff = Vec::new();
        for (spec, package) in &missing {
            let after = match (offers.choice(spec), offers.providers(spec).as_slice()) {
                (Some(version), _) => version.to_owned(),
                (None, []) => spec.version.as_deref().unwrap_or("installed").to_owned(),
                (None, [provider]) => format!("provided by {provider}"),
                (None, providers) => {
                    return Plan::Impossible(format!(
                        "{} is a virtual package: name one of those that provide it, which are {}",
                        spec.name,
                        providers.join(", ")
                    ));
                }
            };
            diff.push(Diff::Property {
                name: spec.name.clone(),
                before: package.map_or("absent", |p| p.version.as_str()).to_owned(),
                after,
            });
        }
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
        let change = Change::new(diff, self.apply(&missing), undo(self.options.wait));
        let names: Vec<String> = missing.iter().map(|(spec, _)| spec.argument()).collect();
        let may_be_newer = matches!(
            self.options.update,
            Some(Update::Always(true) | Update::OlderThan(_))
        );
        Plan::Change(Box::new(Change {
            command: true,
            foreseen: may_be_newer.then(|| "newer lists may have other versions".to_owned()),
            timeout: Some(self.options.timeout.map_or(USUAL_TIMEOUT, |span| span.0)),
            shown: Some(format!("apt-get install {}", names.join(" "))),
            ..change.leaving(leaves.collect())
        }))
    }
}
