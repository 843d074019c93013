//! `files::absent`.

use crate::declare::{ArgumentError, options};
use crate::model::Diff;
use crate::task::{
    Answer, Change, Found, PathKind, PathState, Plan, Query, Resource, Task, Touches,
};
use crate::tasks::entry::task;
use crate::tasks::fs::{EntryPath, HostPath};

task! {
    /// Ensures nothing exists at the path: no file, no link, and no directory or anything inside it.
    ///
    /// For a symbolic link, the link is removed and its target stays. `/` and directories that the system
    /// needs (`/etc`, `/usr`, `/var/lib`, ...) are refused. So is a path that is not in its simplest form,
    /// such as `/srv/app/` or `/srv//app`, because a variable in it may be empty.
    ///
    /// What is removed is moved into the state directory of ops on the host. On the same file system, this
    /// is a rename; on another one, it is a copy. Undo moves it back.
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
    pub(crate) struct Options {
        /// if `false`, what is removed is not kept and cannot be restored
        #[serde(default = "yes")]
        keep: bool,
    }
}

const fn yes() -> bool {
    true
}

/// The desired state: nothing at a path.
pub(crate) struct Absent {
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
            PathKind::Directory => "removes the directory and everything in it".to_owned(),
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
            change = change.noting(
                "warning: if ops relies on this file to become root, it will no longer be able to",
            );
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
