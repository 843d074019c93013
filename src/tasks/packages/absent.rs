//! `packages::absent`.

use super::apt::{USUAL_TIMEOUT, head, held, label, provided, queries, touches, undo};
use super::spec::Spec;
use crate::declare::{ArgumentError, OneOrMany, Span, options};
use crate::model::Diff;
use crate::shell::quote_str as quote;
use crate::task::{Answer, Change, Found, Plan, Query, Task, Touches};
use crate::tasks::entry::task;

task! {
    /// Ensures the packages are not installed.
    ///
    /// Packages that depend on them are removed with them. A name that only other packages provide counts
    /// as absent, and the outcome names the installed provider; so does a package of which only the
    /// configuration is left. A held package is never removed: the task fails.
    ///
    /// Undo reinstalls the removed packages in the versions that they had, if those are still available.
    /// What `purge` deleted is not restored.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(packages::absent(["telnetd", "rsh-server"], #{ purge: true }));
    /// });
    /// ```
    packages::absent(names: OneOrMany; Options) => Absent::new
}

options! {
    #[derive(Debug, Default)]
    #[serde(default)]
    pub(crate) struct Options {
        /// whether their configuration files are removed too
        purge: bool,
        /// how long to wait for another running package manager; default `"5m"`
        wait: Option<Span>,
        /// how long it may take; default `"30m"`
        timeout: Option<Span>,
    }
}

/// The desired state: packages are not installed.
pub(crate) struct Absent {
    specs: Vec<Spec>,
    options: Options,
}

impl Absent {
    fn new(names: OneOrMany, options: Options) -> Result<Self, ArgumentError> {
        let specs = Spec::parse_all(&names.into_vec(), None)?;
        if let Some(spec) = specs.iter().find(|spec| spec.version.is_some()) {
            let message = format!(
                "{} cannot have a version: every version of it is removed",
                spec.name
            );
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

    fn remark(&self, found: &Found) -> Option<String> {
        provided(&self.specs, found, |name, provider| {
            format!("there is no package {name} to remove: {provider} provides it")
        })
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
        let wait = self.options.wait;
        let apply = format!("{}change {verb} {}\n", head(wait), quoted.join(" "));
        let leaves = names
            .iter()
            .map(|name| (Query::Package(name.clone()), Answer::Package(None)))
            .collect();
        Plan::Change(Box::new(Change {
            command: true,
            timeout: Some(self.options.timeout.map_or(USUAL_TIMEOUT, |span| span.0)),
            shown: Some(format!("apt-get {verb} {}", names.join(" "))),
            ..Change::new(diff, apply, undo(wait)).leaving(leaves)
        }))
    }
}
