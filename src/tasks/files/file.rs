//! `files::file`.

use crate::declare::{ArgumentError, options};
use crate::task::{Change, Found, Need, PathKind, Plan, Query, Task, Touches};
use crate::tasks::entry::task;
use crate::tasks::fs::{
    Attributes, Before, Content, EntryPath, LARGEST_DIFF, Landing, Mode, Principal, Validation,
};
use crate::tasks::surroundings::Surroundings;

task! {
    /// Ensures the file exists with this content.
    ///
    /// The content is a string or a blob. `files::file(path, #{ source: "files/logo.png" })` takes it from
    /// a local file instead. A run reads such a file once, so every host gets the same bytes, even if the
    /// file at its path changes meanwhile. A file of more than 4 MiB is not held in memory: it stays open
    /// and is read again while it is sent to each host. If it is modified meanwhile, the task fails.
    ///
    /// Attributes that are not given stay as they are: a file that is replaced keeps its mode, owner,
    /// SELinux label and ACL. A new file gets mode 0644. The parent directory must exist.
    ///
    /// The new file is written beside the old one and renamed over it, so no reader sees a partly written
    /// file. Symbolic links are followed. If something else changes the file after ops has read it, the
    /// task fails and the change is not overwritten. A file that cannot be replaced by a rename, because it
    /// is a mount point, is written in place, and the outcome says so.
    ///
    /// Undo restores the previous file, or removes a new one.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(files::file("/etc/motd", "be kind\n", #{ mode: "0644" }));
    /// });
    /// ```
    files::file(path: EntryPath, content: Option<Content>; Options) => File::from_arguments, context
}

options! {
    #[derive(Debug)]
    pub(crate) struct Options {
        /// a local file beside the playbook to take the content from
        source: Option<String>,
        /// if `true`, a `source` that does not fit into a script (64 KiB of text) is sent compressed; the
        /// host needs gzip
        #[serde(default)]
        compress: bool,
        /// permission bits, as text: `"0644"`, `"u=rw,go=r"`, `"a+x"`
        mode: Option<Mode>,
        /// the owner, by name or id
        owner: Option<Principal>,
        /// the group, by name or id
        group: Option<Principal>,
        /// if `true`, an existing file keeps its content
        #[serde(default)]
        if_absent: bool,
        /// a command that must accept the new file before it replaces the old one; `%s` stands for its
        /// path, quoted
        validate: Option<String>,
        /// if `true`, no diff is shown, and a new file gets mode 0600
        #[serde(default)]
        secret: bool,
    }
}

/// The desired state: a file exists with this content.
pub(crate) struct File {
    /// The task that the playbook called.
    name: &'static str,
    landing: Landing,
    content: Content,
    if_absent: bool,
}

impl File {
    fn from_arguments(
        path: EntryPath,
        content: Option<Content>,
        options: Options,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        let mut compressed = None;
        let content = match (content, &options.source) {
            (Some(_), None) if options.compress => {
                let message = "applies only to content from a local file";
                return Err(ArgumentError::option("compress", message)
                    .hint("Give the file as `#{ source: ... }`."));
            }
            (Some(content), None) => content,
            (None, Some(source)) => {
                let unreadable = |reason: &str| {
                    ArgumentError::option("source", format!("cannot read `{source}`: {reason}"))
                };
                let artifact = surroundings.artifact(source);
                let artifact = artifact.map_err(|reason| unreadable(&reason))?;
                if artifact.packed {
                    return Err(unreadable("it is a directory")
                        .hint("Use `archives::unpacked` to copy a directory to hosts."));
                }
                if options.compress && artifact.content.inline().is_none() {
                    let payload = artifact.compressed();
                    compressed = payload.map_err(|reason| unreadable(&reason))?;
                }
                artifact.content.clone()
            }
            (Some(_), Some(_)) => {
                let message = "cannot be combined with a content argument";
                return Err(ArgumentError::option("source", message));
            }
            (None, None) => {
                return Err(ArgumentError::call("the content is missing")
                    .hint("Give it after the path, or a local file as `#{ source: ... }`."));
            }
        };
        let landing = Landing {
            path: path.into(),
            attributes: Attributes::new(options.mode, options.owner, options.group),
            validate: options.validate.map(Validation::new).transpose()?,
            secret: options.secret,
            compressed,
        };
        Self::new("files::file", landing, content, options.if_absent)
    }

    pub(super) fn new(
        name: &'static str,
        landing: Landing,
        content: Content,
        if_absent: bool,
    ) -> Result<Self, ArgumentError> {
        if landing.path.as_str() == "/" {
            return Err(ArgumentError::parameter(0, "`/` is a directory"));
        }
        Ok(Self {
            name,
            landing,
            content,
            if_absent,
        })
    }

    fn path(&self) -> &str {
        self.landing.path.as_str()
    }

    fn decide(&self, found: &Found) -> Result<Plan, String> {
        self.content.check()?;
        let state = found.path(self.path())?;
        let stat = match (&state.own, &state.target) {
            (None, _) => {
                let change = self.landing.create(&self.content);
                return Ok(Plan::Change(Box::new(change)));
            }
            (Some(_), Some(stat)) if stat.kind == PathKind::File => stat,
            (Some(_), target) => {
                return Ok(Plan::Impossible(no_file(self.path(), target.is_some())));
            }
        };
        if self.if_absent {
            return Ok(planned(self.landing.adjust(state, stat)?));
        }
        let Some(hash) = found.sha256(self.path())? else {
            return Err(format!("may not read {}", self.path()));
        };
        if hash == self.content.sha256() {
            return Ok(planned(self.landing.adjust(state, stat)?));
        }
        let query = Query::Content(self.path().to_owned());
        let wants_diff = !self.landing.secret
            && self.content.inline().is_some()
            && stat.size.max(self.content.size()) <= LARGEST_DIFF;
        if wants_diff && found.get(&query).is_none() {
            return Ok(Plan::Ask(vec![query]));
        }
        let before = Before {
            size: stat.size,
            sha256: hash,
            bytes: found.content(self.path()).ok().flatten(),
        };
        let change = self.landing.replace(state, stat, before, &self.content)?;
        Ok(Plan::Change(Box::new(change)))
    }
}

pub(super) fn planned(change: Option<Change>) -> Plan {
    change.map_or(Plan::Unchanged, |change| Plan::Change(Box::new(change)))
}

/// Why the entry at a path cannot be replaced by a file.
pub(super) fn no_file(path: &str, leads_somewhere: bool) -> String {
    if leads_somewhere {
        format!("{path} is not a regular file")
    } else {
        format!("{path} is a dangling symbolic link")
    }
}

impl Task for File {
    fn label(&self) -> String {
        format!("{} {}", self.name, self.path())
    }

    fn queries(&self) -> Vec<Query> {
        let mut queries = vec![self.landing.query()];
        if !self.if_absent {
            queries.push(Query::Sha256(self.path().to_owned()));
        }
        queries
    }

    fn touches(&self) -> Touches {
        Touches::writes(self.landing.entry())
    }

    fn needs(&self) -> Vec<Need> {
        self.landing.needs()
    }

    fn plans_ahead(&self) -> bool {
        true
    }

    fn plan(&self, found: &Found) -> Plan {
        let plan = self.decide(found).unwrap_or_else(Plan::Unknown);
        self.landing.possible(plan)
    }
}
