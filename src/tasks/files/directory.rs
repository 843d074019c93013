//! `files::directory`.

use crate::declare::{ArgumentError, options};
use crate::model::Diff;
use crate::task::{
    Answer, Change, Found, Need, PathKind, PathState, Plan, Query, Resource, Seen, Stat, Task,
    Touches,
};
use crate::tasks::entry::task;
use crate::tasks::fs::{Attributes, HostPath, Mode, Principal};

task! {
    /// Ensures the directory exists, with its parent directories.
    ///
    /// Attributes that are not given stay as they are. A new directory gets mode 0755, and so do missing
    /// parent directories. A symbolic link to a directory counts as a directory; the mode and owner of its
    /// target are set. The task fails if anything else exists at the path.
    ///
    /// Undo removes a directory that was created, and the parent directories created with it, if they are
    /// empty.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(files::directory("/srv/shop/releases", #{ mode: "0750" }));
    /// });
    /// ```
    files::directory(path: HostPath; Options) => Directory::new
}

options! {
    #[derive(Debug)]
    pub(crate) struct Options {
        /// permission bits, as text: `"0755"`, `"u=rwx,go=rx"`, `"g+w"`
        mode: Option<Mode>,
        /// the owner, by name or id
        owner: Option<Principal>,
        /// the group, by name or id
        group: Option<Principal>,
    }
}

/// The desired state: a directory exists.
pub(crate) struct Directory {
    path: HostPath,
    attributes: Attributes,
}

const USUAL_MODE: u32 = 0o755;

impl Directory {
    fn new(path: HostPath, options: Options) -> Result<Self, ArgumentError> {
        Ok(Self {
            path,
            attributes: Attributes::new(options.mode, options.owner, options.group),
        })
    }

    fn make(&self, found: &Found) -> Plan {
        let mode = self.attributes.mode_of_new(USUAL_MODE, true);
        let path = self.path.quoted();
        let mut apply = format!("make_directory {path}");
        if self.attributes.mode.is_some() {
            apply.push_str(&format!(" {mode:05o}"));
        }
        if let Some(owner) = self.attributes.ownership.arguments() {
            // If the host does not know the owner, what was created is removed again.
            apply.push_str(&format!(
                "\n(set_owner {owner} {path}) || {{ remove_directory {path}; exit 1; }}"
            ));
            if mode & 0o6000 != 0 {
                apply.push_str(&format!("\nchmod {mode:05o} {path}"));
            }
        }
        let mut stat = Stat::imagined(PathKind::Directory, mode, 0);
        self.attributes.ownership.imagine(&mut stat);
        let mut leaves = vec![(self.query(), Answer::Path(PathState::plain(stat)))];
        let mut alters = vec![Resource::Entry(self.path.to_string())];
        let parent = self.path.ancestors().next();
        let exists = parent.is_none_or(|parent| found.path(parent).is_ok_and(PathState::is_there));
        if !exists {
            alters.push(Resource::Above(self.path.to_string()));
        }
        for above in self.path.ancestors() {
            if found.path(above).is_ok_and(|state| !state.is_there()) {
                let stat = Stat::imagined(PathKind::Directory, USUAL_MODE, 0);
                let state = Answer::Path(PathState::plain(stat));
                leaves.push((Query::Path(above.to_owned()), state));
            }
        }
        let diff = vec![Diff::Note {
            text: format!("creates the directory, mode {mode:04o}"),
        }];
        Plan::Change(Box::new(Change {
            alters: Some(alters),
            ..Change::new(diff, apply, format!("remove_directory {path}")).leaving(leaves)
        }))
    }

    fn adjust(&self, state: &PathState, stat: &Stat) -> Plan {
        match self.attributes.adjust(&self.path.quoted(), stat) {
            Err(reason) => Plan::Unknown(reason),
            Ok(None) => Plan::Unchanged,
            Ok(Some(adjustment)) => {
                let after = adjustment.imagine(state);
                Plan::Change(Box::new(Change {
                    alters: Some(vec![Resource::Entry(self.path.to_string())]),
                    seen: Seen::Whole,
                    ..Change::new(adjustment.diff, adjustment.apply, adjustment.undo)
                        .leaving(vec![(self.query(), Answer::Path(after))])
                }))
            }
        }
    }

    fn query(&self) -> Query {
        Query::Path(self.path.to_string())
    }
}

impl Task for Directory {
    fn label(&self) -> String {
        format!("files::directory {}", self.path)
    }

    fn queries(&self) -> Vec<Query> {
        vec![self.query()]
    }

    fn touches(&self) -> Touches {
        Touches::writes(Resource::Entry(self.path.to_string()))
            .and_writes(Resource::Above(self.path.to_string()))
    }

    fn needs(&self) -> Vec<Need> {
        let above = self.path.ancestors();
        let above = above.map(|path| Need::NoFile(path.to_owned()));
        above.chain(self.attributes.ownership.needs()).collect()
    }

    fn plans_ahead(&self) -> bool {
        true
    }

    fn plan(&self, found: &Found) -> Plan {
        let state = match found.path(self.path.as_str()) {
            Ok(state) => state,
            Err(reason) => return Plan::Unknown(reason),
        };
        match (&state.own, &state.target) {
            (None, _) => self.make(found),
            (Some(_), Some(stat)) if stat.kind == PathKind::Directory => self.adjust(state, stat),
            (Some(_), Some(_)) => Plan::Impossible(format!("{} is not a directory", self.path)),
            (Some(_), None) => {
                Plan::Impossible(format!("{} is a dangling symbolic link", self.path))
            }
        }
    }
}
