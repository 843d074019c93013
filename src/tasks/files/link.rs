//! `files::link`.

use crate::declare::{ArgumentError, options};
use crate::model::Diff;
use crate::shell::quote_str;
use crate::task::{
    Answer, Change, Found, Need, PathKind, PathState, Plan, Query, Resource, Stat, Task, Touches,
};
use crate::tasks::entry::task;
use crate::tasks::fs::{EntryPath, HostPath};

task! {
    /// Ensures the symbolic link exists and points to the target.
    ///
    /// The target is written into the link exactly as given; it may be relative, and need not exist. A link
    /// that points elsewhere is replaced in one step, so that a reader always sees either the old or the
    /// new link.
    ///
    /// Undo restores what was there before, or removes the link.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(files::link("/srv/shop/current", "releases/1.4.2"));
    /// });
    /// ```
    files::link(path: EntryPath, target: String; Options) => Link::new
}

options! {
    #[derive(Debug)]
    pub(crate) struct Options {
        /// if `true`, a file or a directory at the path is replaced
        #[serde(default)]
        force: bool,
    }
}

/// The desired state: a symbolic link exists.
pub(crate) struct Link {
    path: HostPath,
    target: String,
    force: bool,
}

impl Link {
    fn new(path: EntryPath, target: String, options: Options) -> Result<Self, ArgumentError> {
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
            return Err(ArgumentError::parameter(
                1,
                "the target contains a NUL byte",
            ));
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

    fn change(&self, before: Option<&str>, apply: String, undo: String, found: &Found) -> Plan {
        let diff = vec![Diff::Property {
            name: "target".to_owned(),
            before: before.unwrap_or("(absent)").to_owned(),
            after: self.target.clone(),
        }];
        // When a directory is replaced, some of its entries may be gone while it still exists.
        let state = found.path(self.path.as_str()).ok();
        let own = state.and_then(|state| state.own.as_ref());
        let is_directory = own.is_some_and(|own| own.kind == PathKind::Directory);
        Plan::Change(Box::new(
            Change::new(diff, apply, undo)
                .leaving(self.leaves(found))
                .seen_if(!is_directory),
        ))
    }

    /// What a query for the link would return, if it is known what it would point to.
    fn leaves(&self, found: &Found) -> Vec<(Query, Answer)> {
        let Some(at) = self.leads_to() else {
            return Vec::new();
        };
        let Ok(state) = found.path(&at) else {
            return Vec::new();
        };
        let size = self.target.len() as u64;
        let link = PathState {
            own: Some(Stat::imagined(PathKind::Link, 0o777, size)),
            target: state.target.clone(),
            link: Some(self.target.clone()),
        };
        let is_file = (state.target.as_ref()).is_some_and(|stat| stat.kind == PathKind::File);
        let mut leaves = vec![(self.query(), Answer::Path(link))];
        let sum = found.sha256(&at).ok().filter(|_| is_file);
        if sum.is_some() || !is_file {
            let sum = sum.flatten().map(ToOwned::to_owned);
            leaves.push((Query::Sha256(self.path.to_string()), Answer::Sha256(sum)));
        }
        leaves
    }

    /// The path that it would point to, if that is obvious.
    fn leads_to(&self) -> Option<String> {
        let at = if self.target.starts_with('/') {
            self.target.clone()
        } else {
            format!("{}/{}", self.path.parent(), self.target)
        };
        HostPath::try_from(at).ok().map(String::from)
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
        // What it would point to, for check mode.
        let target = self.leads_to().map(Query::Path);
        std::iter::once(self.query()).chain(target).collect()
    }

    fn touches(&self) -> Touches {
        Touches::writes(Resource::Path(self.path.to_string()))
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Directory(self.path.parent().to_owned())]
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
            return self.change(None, make, format!("rm -f {path}"), found);
        };
        match &state.link {
            Some(link) if *link == self.target => Plan::Unchanged,
            Some(link) => {
                let new = self.path.beside("new").quoted();
                let apply = format!("keep_copy {path}\nreplace_link {target} {path} {new}");
                let undo = format!("give_link_back {path} {new}");
                self.change(Some(link), apply, undo, found)
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
                self.change(Some(what), apply, undo, found)
            }
            None => {
                let what = match own.kind {
                    PathKind::Directory => "a directory",
                    _ => "a file",
                };
                Plan::Impossible(format!(
                    "{} is {what}: use `force: true` to replace it",
                    self.path
                ))
            }
        }
    }
}
