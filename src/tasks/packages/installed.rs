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
    /// Ensures the packages are installed: one package, or a list with a single call of the package
    /// manager.
    ///
    /// Without a version, an installed package is left at its version. With one, any other version is
    /// changed; if the installed version is newer, the task fails unless `allow_downgrade` is set. A held
    /// package is never changed: the task fails. A name for which there is no package is satisfied by an
    /// installed package that provides it (`mail-transport-agent`), and the outcome names that package; if
    /// several could provide it and none is installed, the task fails and lists them. `libc6:i386` names an
    /// architecture.
    ///
    /// If several versions match a pattern, ops installs the one that apt prefers by its pins
    /// (apt_preferences(5)), and the newest of those. The diff shows the version that apt would choose from
    /// the package lists on the host.
    ///
    /// There are no prompts: configuration files that were changed locally stay as they are. If another
    /// package manager is running, the task waits for it, whichever of the four locks it holds (two of
    /// dpkg, one for the package lists, one for the archives); the output names it. If a package manager
    /// was killed, `dpkg --configure -a` first finishes what it left unconfigured, and the outcome says so.
    /// Package lists are updated only if there is something to install; check mode writes nothing.
    ///
    /// Undo purges exactly the packages that were added, including dependencies, and restores the former
    /// versions of those that were changed, if they are still available. Undo fails if a version is no
    /// longer available, or if something else has come to depend on a package.
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
    pub(crate) struct Options {
        /// the version, if there is only one package; in a list write `"nginx=1.22.*"`. `*` matches any
        /// text
        version: Option<String>,
        /// whether a newer version may be replaced by an older one
        allow_downgrade: bool,
        /// whether to update the package lists first: `true`, `false`, or their maximum age, such as
        /// `"1h"`; if not given, they are updated when apt cannot install with the current lists
        update: Option<Update>,
        /// whether recommended packages are installed too; default `true`
        recommends: Option<bool>,
        /// the release to take packages from, such as `"bookworm-backports"`
        release: Option<String>,
        /// how long to wait for another running package manager; default `"5m"`
        wait: Option<Span>,
        /// how long it may take; default `"30m"`
        timeout: Option<Span>,
    }
}

/// When to update the package lists.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "true, false or a maximum age like \"1h\"")]
enum Update {
    Always(bool),
    OlderThan(Span),
}

/// The desired state: packages are installed.
pub(crate) struct Installed {
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
            let message = format!("{release:?} is not a valid release name");
            return Err(ArgumentError::option("release", message));
        }
        Ok(Self { specs, options })
    }

    /// The missing packages, with their current state. `Err`: why they cannot be installed.
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
                "{name} is installed in version {version}, which is newer than {wanted}: set \
                 `allow_downgrade` to replace it"
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
        // Which version matches a pattern depends on pins, and on package lists that may be updated first.
        // No word of a version contains a space.
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
            "release={}\nwanted() {{\n{}\n}}\nwith_call() {{\nhow=$1\nset -f\nset -- {call} $(wanted)\n\
             set +f\n$how \"$@\"\n}}\n",
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
            _ => Some("a run would update the package lists first"),
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
            foreseen: may_be_newer
                .then(|| "newer package lists may have other versions".to_owned()),
            timeout: Some(self.options.timeout.map_or(USUAL_TIMEOUT, |span| span.0)),
            shown: Some(format!("apt-get install {}", names.join(" "))),
            ..change.leaving(leaves.collect())
        }))
    }
}
