//! `files::absent`.

use crate::declare::{ArgumentError, options};
use crate::model::Diff;
use crate::task::{
    Answer, Change, Found, PathKind, PathState, Plan, Query, Resource, Task, Touches,
};
use crate::tasks::entry::task;
use crate::tasks::fs::{EntryPath, HostPath};

task! {
    /// Makes sure that nothing is at a path: no file, no link, no directory with all that is in it.
    ///
    /// Of a symbolic link, the link goes and what it leads to stays. `/` and the directories that a system
    /// stands on (`/etc`, `/usr`, `/var/lib`, ...) are refused, and so is a path that is not written out:
    /// `/srv/app/`, `/srv//app`. A variable in it may be empty.
    ///
    /// What is removed is moved into the state directory of ops on the host. That costs nothing on the same
    /// file system, and a copy on another one. Undone, it is moved back.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(files::absent("/etc/nginx/sites-enabled/default"));
    /// });
    /// ```
    files::absent(path: EntryPath; Options) => Absent::new
}

options! {
    #[derive(Debug)]
    pub struct Options {
        /// with `false`, what is removed is not kept, and cannot be given back
        #[serde(default = "yes")]
        keep: bool,
    }
}

const fn yes() -> bool {
    true
}

/// Something that is not to be there.
pub struct Absent {
    path: HostPath,
    keep: bool,
}

impl Absent {
    fn new(path: EntryPath, options: Options) -> Result<Self, ArgumentError> {
        Ok(Self {
            path: path.removable()?,
            keep: options.keep,
        })
    }
}

impl Task for Absent {
    fn label(&self) -> String {
        format!("files::absent {}", self.path)
    }

    fn queries(&self) -> Vec<Query> {
        vec![Query::Path(self.path.to_string())]
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
        let Some(own) = &state.own else {
            return Plan::Unchanged;
        };
        let what = match own.kind {
            PathKind::File => match own.size {
                1 => "removes the file (1 byte)".to_owned(),
                size => format!("removes the file ({size} bytes)"),
            },
            PathKind::Directory => "removes the directory with all that is in it".to_owned(),
            PathKind::Link => format!(
                "removes the symbolic link to {}",
                state.link.as_deref().unwrap_or("an unknown place")
            ),
            PathKind::Other => "removes the special file".to_owned(),
        };
        let path = self.path.quoted();
        let diff = vec![Diff::Note { text: what }];
        let mut change = Change::new(
            diff,
            format!("keep_away {path}"),
            format!("bring_back {path}"),
        );
        if self.path.as_str().starts_with("/etc/sudoers.d/") {
            change =
                change.noting("warning: if ops becomes root through this file, it no longer can");
        }
        if !self.keep {
            change.apply = format!("rm -rf {path} || failed_at {path}");
            change.undo = None;
        }
        let path = self.path.to_string();
        // Some entries of a directory may be gone while the directory still exists.
        let change = change.seen_if(own.kind != PathKind::Directory);
        Plan::Change(Box::new(change.leaving(vec![
            (Query::Path(path.clone()), Answer::Path(PathState::ABSENT)),
            (Query::Sha256(path.clone()), Answer::Sha256(None)),
            (Query::Content(path), Answer::Content(None)),
        ])))
    }
}
