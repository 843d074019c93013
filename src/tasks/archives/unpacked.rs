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
    /// Keeps a directory there that holds what an archive holds.
    ///
    /// The archive is a local file beside the playbook, a local directory, or an address (`https://...`)
    /// that the host fetches from with curl or wget. A tar file is told by its name (`.tar`, `.tar.gz`,
    /// `.tgz`, `.tar.bz2`, `.tar.xz`, `.tar.zst`); any other file is put into the directory as it is.
    ///
    /// The checksum is compared before anything is unpacked. Then everything is put together beside the
    /// path and renamed, so that the directory is there whole or not at all, whatever interrupts it. A file
    /// `.unpacked` in it holds the checksum. A directory that was unpacked from the same archive is left
    /// alone, with all that has been done to it since; one that holds anything else is refused, unless it
    /// is to be replaced. The directory above must be there.
    ///
    /// Files keep the permission bits that they have in the archive, less write access for group and
    /// others. Those of a local directory get 0644, or 0755 where the owner may execute them.
    ///
    /// Undone, the directory is gone, and the one that it replaced is back.
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
    pub struct Options {
        /// the checksum of the archive in hex; an address needs it
        sha256: Option<String>,
        /// how many leading directories are taken off the names in the archive
        strip: Option<u32>,
        /// `"tar"`, `"tar.gz"`, `"tar.bz2"`, `"tar.xz"` or `"tar.zst"`, where the name does not say
        format: Option<String>,
        /// it is one file and no archive: the name that it gets in the directory
        file: Option<String>,
        /// a map of symbolic links that are made in the directory, name to target; what the archive has
        /// there makes way
        #[serde(default)]
        links: BTreeMap<String, String>,
        /// the owner of all of it, by name or by number
        owner: Option<Principal>,
        /// the group of all of it, by name or by number
        group: Option<Principal>,
        /// permission bits of the directory itself, as text; `"0755"` where nothing is said
        mode: Option<Mode>,
        /// with `true`, another directory at the path makes way
        #[serde(default)]
        replace: bool,
        /// with `true`, a local archive or directory crosses the network compressed; the host needs gzip
        #[serde(default)]
        compress: bool,
        /// how long fetching and unpacking may take: `"10m"`
        timeout: Option<String>,
    }
}

/// A directory that is to hold what an archive holds.
pub struct Unpacked {
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
            return Err(ArgumentError::parameter(0, "nothing is unpacked over `/`"));
        }
        let given = options.sha256.map(checksum).transpose()?;
        let mut source = Source::of(&archive, surroundings)?;
        if options.compress {
            source.compress(&archive)?;
        }
        let sha256 = match (&source, given) {
            (Source::Address(_), None) => {
                let error = ArgumentError::option("sha256", "an address needs a checksum");
                return Err(error.hint("Say what `sha256sum` prints for the file."));
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
                ArgumentError::option("timeout", format!("it is not a duration: {error}"))
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
                        "{} was unpacked from another archive: its checksum is {}, that of {} is {}",
                        self.path,
                        short(sha256),
                        self.source.name(),
                        short(&self.sha256),
                    ))),
                    None => Ok(Plan::Impossible(format!(
                        "{} is there, and was not unpacked by ops",
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
            // What somebody else has put there in the meantime, so that nothing was unpacked, is not ours to remove.
            format!(
                "if [ \"$(cat {} 2>/dev/null)\" = {} ]; then clear_away {path}; fi",
                quote_str(&self.stamp_path()),
                quote_str(self.stamp().trim_end()),
            )
        };
        let note = Diff::Note {
            text: format!(
                "{} (sha256 {}){}",
                self.form.told(&self.source),
                short(&self.sha256),
                if replaces {
                    ", in place of what is there"
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
            // It may take long, and runs programs that wait for others.
            command: true,
            shown: Some(self.form.told(&self.source)),
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
                // What a release shares is a directory, as a rule.
                target: Some(Stat::imagined(PathKind::Directory, USUAL_MODE, 0)),
                link: Some(target.clone()),
            };
            let path = format!("{}/{name}", self.path);
            leaves.push((Query::Path(path), Answer::Path(state)));
        }
        leaves
    }
}

/// The checksum that a stamp names.
fn stamped(stamp: &[u8]) -> Option<&str> {
    std::str::from_utf8(stamp)
        .ok()?
        .strip_prefix("sha256 ")?
        .split('\n')
        .next()
}

/// As much of a checksum as tells two apart.
fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

fn checksum(text: String) -> Result<String, ArgumentError> {
    sha256_of(&text).ok_or_else(|| {
        ArgumentError::option("sha256", "a checksum has 64 digits of hex")
            .hint("Say what `sha256sum` prints for the file.")
    })
}

/// A name in the directory that is to be a link.
fn link(name: &str, target: &str) -> Result<(), ArgumentError> {
    let refused = |why: &str| {
        let message = format!("the link {name:?} {why}");
        Err(ArgumentError::option("links", message))
    };
    let fits = |part: &str| !matches!(part, "" | "." | "..");
    if name.contains('\0') || target.contains('\0') {
        return refused("holds a NUL");
    }
    if !name.split('/').all(fits) {
        return refused("is not a name within the directory");
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
