//! `files::link`.

use serde::Deserialize;

use super::{ArgumentError, EntryPath, HostPath, Surroundings, task};
use crate::model::Diff;
use crate::shell::quote_str;
use crate::task::{Change, Found, PathKind, Plan, Query, Resource, Task, Touches};

task! {
    /// Keeps a symbolic link there that points to a target.
    ///
    /// | option | what it does |
    /// |---|---|
    /// | `force` | with `true`, a file or a directory at the path makes way |
    ///
    /// The target is written into the link as it stands here; it may be relative, and need not be there. A link that points
    /// elsewhere is replaced in one step: whoever reads it finds the one or the other.
    ///
    /// Undone, what was there is back, or the link is gone.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(files::link("/srv/shop/current", "releases/1.4.2"));
    /// });
    /// ```
    LINK = files::link(path: EntryPath, target: String; Options) => Link::new
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default)]
    force: bool,
}

/// A symbolic link that is to be there.
pub struct Link {
    path: HostPath,
    target: String,
    force: bool,
}

impl Link {
    fn new(
        path: EntryPath,
        target: String,
        options: Options,
        _: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        let path = if options.force {
            path.removable()?
        } else {
            path.into()
        };
        if path.as_str() == "/" {
            return Err(ArgumentError::parameter(0, "`/` is a directory"));
        }
        if target.is_empty() {
            return Err(ArgumentError::parameter(1, "the target is empty"));
        }
        if target.contains('\0') {
            return Err(ArgumentError::parameter(1, "the target holds a NUL"));
        }
        if target.len() > 4095 {
            return Err(ArgumentError::parameter(
                1,
                "the target is longer than 4095 bytes",
            ));
        }
        Ok(Self {
            path,
            target,
            force: options.force,
        })
    }

    fn change(&self, before: Option<&str>, apply: String, undo: String) -> Plan {
        let diff = vec![Diff::Property {
            name: "target".to_owned(),
            before: before.unwrap_or("(absent)").to_owned(),
            after: self.target.clone(),
        }];
        // What the link would lead to is not known, so the change says nothing of what it leaves.
        Plan::Change(Box::new(Change::new(diff, apply, undo)))
    }

    fn query(&self) -> Query {
        Query::Path(self.path.to_string())
    }
}

impl Task for Link {
    fn label(&self) -> String {
        format!("files::link {}", self.path)
    }

    fn queries(&self) -> Vec<Query> {
        vec![self.query()]
    }

    fn touches(&self) -> Touches {
        Touches::writes(Resource::Path(self.path.to_string()))
    }

    fn plans_ahead(&self) -> bool {
        true
    }

    fn plan(&self, found: &Found) -> Plan {
        let state = match found.path(self.path.as_str()) {
            Ok(state) => state,
            Err(reason) => return Plan::Unknown(reason),
        };
        let (path, target) = (self.path.quoted(), quote_str(&self.target));
        let make = format!("ln -s -- {target} {path} || failed_at {path}");
        let Some(own) = &state.own else {
            return self.change(None, make, format!("rm -f {path}"));
        };
        match &state.link {
            Some(link) if *link == self.target => Plan::Unchanged,
            Some(link) => {
                let new = self.path.beside("new").quoted();
                let apply = format!("keep_copy {path}\nreplace_link {target} {path} {new}");
                let undo = format!("give_link_back {path} {new}");
                self.change(Some(link), apply, undo)
            }
            None if self.force => {
                let what = match own.kind {
                    PathKind::Directory => "(a directory)",
                    PathKind::File => "(a file)",
                    _ => "(no link)",
                };
                let apply = format!(
                    "keep_away {path}\nln -s -- {target} {path} || {{ bring_back {path}; exit 1; }}"
                );
                let undo = format!("if is_kept; then rm -f {path}; fi\nbring_back {path}");
                self.change(Some(what), apply, undo)
            }
            None => {
                let what = match own.kind {
                    PathKind::Directory => "a directory",
                    _ => "a file",
                };
                Plan::Impossible(format!(
                    "{} is {what}, and makes way for a link only with `force: true`",
                    self.path
                ))
            }
        }
    }
}
