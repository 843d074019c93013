//! `archives::unpacked`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::script::{self, STAMP};
use super::source::{Form, Source};

use crate::declare::{ArgumentError, options};
use crate::model::Diff;
use crate::shell::quote_str;
use crate::task::{
    Answer, Body, Change, Found, Need, PathKind, PathState, Plan, Query, Resource, Stat, Task,
    Touches,
};
use crate::tasks::entry::task;
use crate::tasks::fs::{Attributes, EntryPath, HostPath, Mode, Principal, sha256_of};
use crate::tasks::surroundings::Surroundings;

task! {
    /// Ensures the directory exists and was unpacked from the archive.
    ///
    /// The archive is a local file beside the playbook, a local directory, or a URL (`https://...`) that
    /// the host downloads with curl or wget. A tar file is recognised by its name (`.tar`, `.tar.gz`,
    /// `.tgz`, `.tar.bz2`, `.tar.xz`, `.tar.zst`); any other file is copied into the directory as it is.
    ///
    /// The checksum is compared before anything is unpacked. The directory is then built beside the path
    /// and renamed, so it is either complete or absent, even if the task is interrupted. Its file
    /// `.unpacked` records the checksum. A directory that was unpacked from the same archive is left alone,
    /// including any later changes to it. The task fails if any other directory exists at the path, unless
    /// `replace` is set. The parent directory must exist.
    ///
    /// Files keep their permission bits from the archive, without write access for group and others. Files
    /// from a local directory get 0644, or 0755 if the owner may execute them.
    ///
    /// Undo removes the directory and restores the one that it replaced.
    ///
    /// ```rhai
    /// each(hosts("all"), |h| {
    ///     h.apply(archives::unpacked("/opt/tool-1.4.2", "https://example.com/tool-1.4.2.tar.gz", #{
    ///         sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ///         strip: 1,
    ///     }));
    /// });
    /// ```
    archives::unpacked(path: EntryPath, archive: String; Options) => Unpacked::new, context
}

options! {
    #[derive(Debug)]
    pub(crate) struct Options {
        /// the SHA-256 checksum of the archive in hex; required for a URL
        sha256: Option<String>,
        /// how many leading directories to strip from the names in the archive; default `0`
        strip: Option<u32>,
        /// `"tar"`, `"tar.gz"`, `"tar.bz2"`, `"tar.xz"` or `"tar.zst"`; default: determined by the file
        /// name
        format: Option<String>,
        /// the name to give the file in the directory, if it is a single file and not an archive
        file: Option<String>,
        /// a map of symbolic links to create in the directory, name to target; they replace entries of the
        /// same name from the archive
        #[serde(default)]
        links: BTreeMap<String, String>,
        /// the owner of everything in the directory, by name or id
        owner: Option<Principal>,
        /// the group of everything in the directory, by name or id
        group: Option<Principal>,
        /// permission bits of the directory itself, as text; default `"0755"`
        mode: Option<Mode>,
        /// if `true`, another directory at the path is replaced
        #[serde(default)]
        replace: bool,
        /// if `true`, a local archive or directory is sent compressed; the host needs gzip
        #[serde(default)]
        compress: bool,
        /// how long downloading and unpacking may take, such as `"10m"`
        timeout: Option<String>,
    }
}

/// The desired state: a directory unpacked from an archive.
pub(crate) struct Unpacked {
    path: HostPath,
    source: Source,
    form: Form,
    sha256: String,
    links: BTreeMap<String, String>,
    attributes: Attributes,
    replace: bool,
    timeout: Option<Duration>,
}

const USUAL_MODE: u32 = 0o755;

impl Unpacked {
    fn new(
        path: EntryPath,
        archive: String,
        options: Options,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, ArgumentError> {
        let path = if options.replace {
            path.removable()?
        } else {
            path.into()
        };
        if path.as_str() == "/" {
            return Err(ArgumentError::parameter(
                0,
                "`/` cannot be replaced by an archive",
            ));
        }
        let given = options.sha256.map(checksum).transpose()?;
        let mut source = Source::of(&archive, surroundings)?;
        if options.compress {
            source.compress(&archive)?;
        }
        let sha256 = match (&source, given) {
            (Source::Address(_), None) => {
                let error = ArgumentError::option("sha256", "is required for a URL");
                return Err(error.hint("Use the output of `sha256sum` for the file."));
            }
            (Source::Address(_), Some(given)) => given,
            (Source::Local(artifact), given) => {
                artifact.content.check().map_err(|reason| {
                    ArgumentError::parameter(1, format!("cannot read `{archive}`: {reason}"))
                })?;
                let sha256 = artifact.content.sha256().to_owned();
                if let Some(given) = given.filter(|given| *given != sha256) {
                    let message = format!("`{archive}` has the checksum {sha256}, not {given}");
                    return Err(ArgumentError::option("sha256", message));
                }
                sha256
            }
        };
        let form = Form::of(
            &archive,
            &source,
            options.format,
            options.file,
            options.strip.unwrap_or(0),
        )?;
        for (name, target) in &options.links {
            link(name, target)?;
        }
        let timeout = options.timeout.as_deref().map(humantime::parse_duration);
        Ok(Self {
            path,
            source,
            form,
            sha256,
            links: options.links,
            attributes: Attributes::new(options.mode, options.owner, options.group),
            replace: options.replace,
            timeout: timeout.transpose().map_err(|error| {
                ArgumentError::option("timeout", format!("invalid duration: {error}"))
            })?,
        })
    }

    fn stamp_path(&self) -> String {
        format!("{}/{STAMP}", self.path.as_str().trim_end_matches('/'))
    }

    fn stamp(&self) -> String {
        format!("sha256 {}\n", self.sha256)
    }

    fn query(&self) -> Query {
        Query::Path(self.path.to_string())
    }

    fn decide(&self, found: &Found) -> Result<Plan, String> {
        let parent = self.path.parent();
        if !found.path(parent)?.is_there() {
            return Ok(Plan::Impossible(format!("there is no directory {parent}")));
        }
        let state = found.path(self.path.as_str())?;
        match &state.own {
            None => Ok(self.unpack(false)),
            Some(stat) if stat.kind == PathKind::Directory => {
                let stamp = found.content(&self.stamp_path())?;
                let holds = stamp.and_then(stamped);
                match holds {
                    Some(sha256) if sha256 == self.sha256 => Ok(Plan::Unchanged),
                    _ if self.replace => Ok(self.unpack(true)),
                    Some(sha256) => Ok(Plan::Impossible(format!(
                        "{} was unpacked from another archive: its checksum is {}, but that of {} is {}",
                        self.path,
                        short(sha256),
                        self.source.name(),
                        short(&self.sha256),
                    ))),
                    None => Ok(Plan::Impossible(format!(
                        "{} already exists and was not unpacked by ops",
                        self.path
                    ))),
                }
            }
            Some(_) => Ok(Plan::Impossible(format!(
                "{} is not a directory",
                self.path
            ))),
        }
    }

    fn unpack(&self, replaces: bool) -> Plan {
        let path = self.path.quoted();
        let undo = if replaces {
            format!("if is_kept; then clear_away {path}; fi\nbring_back {path}")
        } else {
            // If something else appeared at the path in the meantime, nothing was unpacked, and it must not
            // be removed.
            format!(
                "if [ \"$(cat {} 2>/dev/null)\" = {} ]; then clear_away {path}; fi",
                quote_str(&self.stamp_path()),
                quote_str(self.stamp().trim_end()),
            )
        };
        let note = Diff::Note {
            text: format!(
                "{} (sha256 {}){}",
                self.form.describe(&self.source),
                short(&self.sha256),
                if replaces {
                    ", replacing the existing directory"
                } else {
                    ""
                },
            ),
        };
        let mode = self.attributes.mode_of_new(USUAL_MODE, true);
        let apply = script::Script {
            path: &self.path,
            source: &self.source,
            form: &self.form,
            sha256: &self.sha256,
            links: &self.links,
            owner: self.attributes.ownership.argument(),
            mode,
            stamp: &self.stamp(),
            replaces,
        };
        let body = match &self.source {
            Source::Address(_) => None,
            Source::Local(artifact) => Some(Body {
                path: match artifact.compressed {
                    Some(_) => script::packed(&self.path).to_string(),
                    None => script::body(&self.path).to_string(),
                },
                content: artifact
                    .compressed
                    .as_ref()
                    .unwrap_or_else(|| artifact.content.payload())
                    .clone(),
            }),
        };
        Plan::Change(Box::new(Change {
            body,
            alters: Some(vec![Resource::Path(self.path.to_string())]),
            // This may take long, and runs programs that wait for other programs.
            command: true,
            shown: Some(self.form.describe(&self.source)),
            timeout: self.timeout,
            ..Change::new(vec![note], apply.render(), undo).leaving(self.leaves(mode))
        }))
    }

    fn leaves(&self, mode: u32) -> Vec<(Query, Answer)> {
        let mut stat = Stat::imagined(PathKind::Directory, mode, 0);
        self.attributes.ownership.imagine(&mut stat);
        let mut leaves = vec![
            (self.query(), Answer::Path(PathState::plain(stat))),
            (
                Query::Content(self.stamp_path()),
                Answer::Content(Some(self.stamp().into_bytes())),
            ),
        ];
        for (name, target) in &self.links {
            let size = target.len() as u64;
            let state = PathState {
                own: Some(Stat::imagined(PathKind::Link, 0o777, size)),
                // A release's shared paths are usually directories.
                target: Some(Stat::imagined(PathKind::Directory, USUAL_MODE, 0)),
                link: Some(target.clone()),
            };
            let path = format!("{}/{name}", self.path);
            leaves.push((Query::Path(path), Answer::Path(state)));
        }
        leaves
    }
}

/// The checksum recorded in a stamp.
fn stamped(stamp: &[u8]) -> Option<&str> {
    std::str::from_utf8(stamp)
        .ok()?
        .strip_prefix("sha256 ")?
        .split('\n')
        .next()
}

/// Enough of a checksum to tell two apart.
fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

fn checksum(text: String) -> Result<String, ArgumentError> {
    sha256_of(&text).ok_or_else(|| {
        ArgumentError::option("sha256", "must have 64 hexadecimal digits")
            .hint("Use the output of `sha256sum` for the file.")
    })
}

/// The name of a link in the directory.
fn link(name: &str, target: &str) -> Result<(), ArgumentError> {
    let refused = |why: &str| {
        let message = format!("the link {name:?} {why}");
        Err(ArgumentError::option("links", message))
    };
    let fits = |part: &str| !matches!(part, "" | "." | "..");
    if name.contains('\0') || target.contains('\0') {
        return refused("contains a NUL");
    }
    if !name.split('/').all(fits) {
        return refused("is not a path inside the directory");
    }
    if target.is_empty() {
        return refused("has no target");
    }
    Ok(())
}

impl Task for Unpacked {
    fn label(&self) -> String {
        format!("archives::unpacked {}", self.path)
    }

    fn queries(&self) -> Vec<Query> {
        vec![
            self.query(),
            Query::Content(self.stamp_path()),
            Query::Path(self.path.parent().to_owned()),
        ]
    }

    fn touches(&self) -> Touches {
        Touches::writes(Resource::Path(self.path.to_string()))
    }

    fn needs(&self) -> Vec<Need> {
        self.attributes.ownership.needs().collect()
    }

    fn plans_ahead(&self) -> bool {
        true
    }

    fn plan(&self, found: &Found) -> Plan {
        self.decide(found).unwrap_or_else(Plan::Unknown)
    }
}
