//! Mode and ownership of an existing entry, and the shell commands that set them.

use crate::model::Diff;
use crate::task::{PathKind, PathState, Stat};
use crate::tasks::fs::{Mode, Ownership, Principal};

/// The mode and the ownership that a task wants; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub mode: Option<Mode>,
    pub ownership: Ownership,
}

/// How to change the current attributes to the wanted ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adjustment {
    pub diff: Vec<Diff>,
    pub apply: String,
    pub undo: String,
    /// What would exist afterwards.
    pub after: Stat,
}

impl Attributes {
    #[must_use]
    pub(crate) const fn new(
        mode: Option<Mode>,
        owner: Option<Principal>,
        group: Option<Principal>,
    ) -> Self {
        Self {
            mode,
            ownership: Ownership { owner, group },
        }
    }

    /// The mode of a new entry; `usual` if the task does not give a mode.
    #[must_use]
    pub(crate) fn mode_of_new(&self, usual: u32, is_directory: bool) -> u32 {
        self.mode
            .as_ref()
            .map_or(usual, |mode| mode.on(usual, is_directory))
    }

    /// What to do to `path` (a word of a shell), where `stat` is the entry there, or what a link there
    /// points to. `Err`: this cannot be determined in check mode.
    pub(crate) fn adjust(&self, path: &str, stat: &Stat) -> Result<Option<Adjustment>, String> {
        let mut diff = self.ownership.diff(stat)?;
        let chown = !diff.is_empty();
        let is_directory = stat.kind == PathKind::Directory;
        let mode = self
            .mode
            .as_ref()
            .map_or(stat.mode, |mode| mode.on(stat.mode, is_directory));
        if mode != stat.mode {
            diff.push(Diff::Property {
                name: "mode".to_owned(),
                before: format!("{:04o}", stat.mode),
                after: format!("{mode:04o}"),
            });
        }
        if diff.is_empty() {
            return Ok(None);
        }
        // chown clears set-id bits.
        let set_id = |mode: u32| chown && mode & 0o6000 != 0;
        let (mut apply, mut undo) = (String::new(), String::new());
        if let Some(owner) = self.ownership.arguments().filter(|_| chown) {
            apply.push_str(&format!("set_owner {owner} {path}\n"));
            undo.push_str(&format!("chown {}:{} {path}\n", stat.uid, stat.gid));
        }
        if mode != stat.mode || set_id(mode) {
            let chmod = chmod(mode, path);
            apply.push_str(&format!("{} || failed_at {path}\n", chmod.trim_end()));
        }
        if mode != stat.mode || set_id(stat.mode) {
            undo.push_str(&chmod(stat.mode, path));
        }
        let mut after = Stat {
            mode,
            ..stat.clone()
        };
        self.ownership.imagine(&mut after);
        Ok(Some(Adjustment {
            diff,
            apply,
            undo,
            after,
        }))
    }
}

impl Adjustment {
    /// What would exist at a path that has `state` now: behind a link, its target changes.
    #[must_use]
    pub(crate) fn imagine(&self, state: &PathState) -> PathState {
        PathState {
            own: match &state.link {
                Some(_) => state.own.clone(),
                None => Some(self.after.clone()),
            },
            target: Some(self.after.clone()),
            link: state.link.clone(),
        }
    }
}

/// A line that sets exactly these bits on a quoted path. GNU chmod keeps the set-id bits of a directory
/// unless there are five digits.
#[must_use]
pub(crate) fn chmod(mode: u32, quoted: &str) -> String {
    format!("chmod {mode:05o} {quoted}\n")
}
