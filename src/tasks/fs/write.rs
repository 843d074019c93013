//! How a content is written to a path: put together beside it, given its attributes, validated, and renamed
//! over it.

use std::ops::Range;

use crate::declare::ArgumentError;
use crate::model::Diff;
use crate::shell::{Payload, quote_str};
use crate::task::{
    Answer, Body, Change, Need, PathKind, PathState, Plan, Query, Resource, Seen, Stat, Text,
};
use crate::tasks::fs::{Adjustment, Attributes, Before, Content, HostPath, chmod, inline};

/// How to write contents to a path.
pub(crate) struct Landing {
    pub path: HostPath,
    pub attributes: Attributes,
    /// A command that checks the new file before it replaces the old one.
    pub validate: Option<Validation>,
    /// The content is not shown.
    pub secret: bool,
    /// What is sent in place of a content that is not in the script.
    pub compressed: Option<Payload>,
}

/// A command in which `%s` stands for the new file.
#[derive(Debug, Clone)]
pub(crate) struct Validation(String);

impl Validation {
    pub(crate) fn new(command: String) -> Result<Self, ArgumentError> {
        if command.contains('\0') {
            return Err(ArgumentError::option(
                "validate",
                "the command contains a NUL byte",
            ));
        }
        if !command.contains("%s") {
            let error = ArgumentError::option("validate", "the command does not contain `%s`");
            return Err(
                error.hint("Write `%s` in place of the path of the new file: \"visudo -cf %s\".")
            );
        }
        Ok(Self(command))
    }

    fn line(&self) -> String {
        let command = quote_str(&self.0.replace("%s", "\"$1\""));
        let shown = quote_str(&self.0);
        format!(
            "ops_said=$(sh -c {command} validate \"$ops_new\" </dev/null 2>&1) || refused $? {shown}\n"
        )
    }

    /// The program, if its name is the first word.
    fn need(&self) -> Option<Need> {
        Need::program(self.0.split_whitespace().next()?)
    }
}

/// Modes of new entries, if the task does not give one.
const USUAL_MODE: u32 = 0o644;
const SECRET_MODE: u32 = 0o600;

/// [`chmod`] is not needed for these bits: a shell creates files with them, less the umask.
const CREATED: u32 = 0o666;

impl Landing {
    /// For a file that does not exist.
    #[must_use]
    pub(crate) fn create(&self, content: &Content) -> Change {
        let usual = if self.secret { SECRET_MODE } else { USUAL_MODE };
        let mode = self.attributes.mode_of_new(usual, false);
        let mut apply = format!("umask {:03o}\n", CREATED & !mode);
        let new = self.path.beside("new");
        let mut at = None;
        let body = if let Some(text) = content.inline() {
            apply.push_str(&format!("begin_file {}\nprintf %s ", new.quoted()));
            at = Some(push_quoted(&mut apply, text));
            apply.push_str(&format!(
                " >\"$ops_new\" || failed_at {}\n",
                self.path.quoted()
            ));
            None
        } else {
            let body = match &self.compressed {
                None => {
                    apply.push_str(&format!("adopt_file {}\n", new.quoted()));
                    body_at(&new, content.payload())
                }
                Some(compressed) => {
                    let body = self.path.beside("body");
                    apply.push_str(&format!(
                        "adopt_file {} {body}\ninflate_file {body} \"$ops_new\"\n",
                        new.quoted(),
                        body = body.quoted()
                    ));
                    body_at(&body, compressed)
                }
            };
            apply.push_str(&format!(
                "expect_sha256 \"$ops_new\" {}\n",
                content.sha256()
            ));
            Some(body)
        };
        if let Some(owner) = self.attributes.ownership.arguments() {
            apply.push_str(&format!("set_owner {owner} \"$ops_new\"\n"));
        }
        if body.is_some() || mode & !CREATED != 0 {
            apply.push_str(&chmod(mode, "\"$ops_new\""));
        }
        apply.push_str(&self.validation());
        apply.push_str(&format!("move_over {}", self.path.quoted()));
        let mut stat = Stat::imagined(PathKind::File, mode, content.size());
        self.attributes.ownership.imagine(&mut stat);
        let diff = vec![
            content.diff(self.path.as_str(), None, self.secret),
            Diff::Note {
                text: format!("creates the file, mode {mode:04o}"),
            },
        ];
        let undo = format!("rm -f {}", self.path.quoted());
        let at = at.filter(|_| self.validate.is_none());
        let text = at.map(|at| self.text(None, content, at, None));
        Change {
            // Missing directories are created for a body that is sent separately.
            seen: if body.is_none() {
                Seen::Whole
            } else {
                Seen::InPart
            },
            body,
            text,
            ..self.change(diff, apply, undo, PathState::plain(stat), content)
        }
    }

    /// For a file that exists. `Err`: this cannot be determined in check mode.
    pub(crate) fn replace(
        &self,
        state: &PathState,
        stat: &Stat,
        before: Before<'_>,
        content: &Content,
    ) -> Result<Change, String> {
        let adjustment = self.attributes.adjust("\"$1\"", stat)?;
        let here = Here::of(&self.path, state);
        let mut apply = here.find.clone();
        if let Some(adjustment) = &adjustment {
            apply.push_str(&format!("attributes() {{\n{}}}\n", adjustment.apply));
        }
        // The new content must replace the content that it was derived from, or that the diff was computed
        // against. The copy is compared, because undo restores that copy.
        apply.push_str(&format!("keep_known {} {}\n", here.path, before.sha256));
        let mut at = None;
        let body = self.write(&here, content, &mut apply, &mut at);
        let at = at.filter(|_| self.validate.is_none() && state.link.is_none());
        if adjustment.is_some() {
            apply.push_str("attributes \"$ops_new\"\n");
        }
        apply.push_str(&self.validation());
        let with = if adjustment.is_some() {
            " attributes"
        } else {
            ""
        };
        apply.push_str(&format!("move_over {}{with}", here.path));

        let mut undo = format!("{}give_back {}\n", here.find, here.path);
        if let Some(adjustment) = &adjustment {
            // If the file had to be written in place, the attributes of the copy were not restored.
            undo.push_str(&format!("set -- {}\n{}", here.path, adjustment.undo));
        }
        let text = at.map(|at| {
            // A script that also sets attributes has more to do than write.
            let undo = adjustment.is_none().then(|| self.write_back(before));
            self.text(Some(before.sha256), content, at, undo.flatten())
        });
        let mut diff = vec![content.diff(self.path.as_str(), Some(before), self.secret)];
        let adjustment = adjustment.unwrap_or_else(|| Adjustment {
            diff: Vec::new(),
            apply: String::new(),
            undo: String::new(),
            after: stat.clone(),
        });
        diff.extend(adjustment.diff.iter().cloned());
        let mut after = adjustment.imagine(state);
        for stat in [&mut after.target, &mut after.own] {
            if let Some(stat) = stat.as_mut().filter(|stat| stat.kind == PathKind::File) {
                stat.size = content.size();
                stat.links = 1;
            }
        }
        let change = Change {
            seen: Seen::Whole,
            body,
            text,
            ..self.change(diff, apply, undo, after, content)
        };
        Ok(match stat.links {
            0 | 1 => change,
            2 => change
                .noting("the file has another name (a hard link), which keeps the old content"),
            links => change.noting(format!(
                "the file has {} other names (hard links), which keep the old content",
                links - 1
            )),
        })
    }

    /// Attributes only, for a file that exists and has the wanted content.
    pub(crate) fn adjust(&self, state: &PathState, stat: &Stat) -> Result<Option<Change>, String> {
        let adjustment = self.attributes.adjust(&self.path.quoted(), stat)?;
        Ok(adjustment.map(|adjustment| {
            let after = adjustment.imagine(state);
            Change {
                alters: Some(vec![self.entry()]),
                seen: Seen::Whole,
                ..Change::new(adjustment.diff, adjustment.apply, adjustment.undo)
                    .leaving(vec![(self.query(), Answer::Path(after))])
            }
        }))
    }

    /// Writes the content into a copy of the existing file, which carries its mode, owner, label and ACL.
    /// If the script contains the text, its position is stored in `at`.
    fn write(
        &self,
        here: &Here,
        content: &Content,
        apply: &mut String,
        at: &mut Option<Range<usize>>,
    ) -> Option<Body> {
        let Some(text) = content.inline() else {
            let body = self.path.beside("body");
            let quoted = body.quoted();
            let sum = content.sha256();
            apply.push_str(&format!("adopt_file {} {quoted}\n", here.new));
            let copy = format!("cp -a {0} \"$ops_new\" || failed_at {0}\n", here.path);
            let payload = match &self.compressed {
                None => {
                    apply.push_str(&format!(
                        "expect_sha256 {quoted} {sum}\n{copy}cat {quoted} >|\"$ops_new\"\n"
                    ));
                    content.payload()
                }
                Some(compressed) => {
                    apply.push_str(&format!(
                        "{copy}inflate_file {quoted} \"$ops_new\"\nexpect_sha256 \"$ops_new\" {sum}\n"
                    ));
                    compressed
                }
            };
            return Some(body_at(&body, payload));
        };
        apply.push_str(&format!(
            "begin_file {0}\ncp -a {1} \"$ops_new\" || failed_at {1}\nprintf %s ",
            here.new, here.path,
        ));
        *at = Some(push_quoted(apply, text));
        apply.push_str(" >|\"$ops_new\"\n");
        None
    }

    /// What the planner may write in place of a text.
    fn text(
        &self,
        before: Option<&str>,
        content: &Content,
        at: Range<usize>,
        undo: Option<String>,
    ) -> Text {
        Text {
            path: self.path.to_string(),
            before: before.map(ToOwned::to_owned),
            after: content.sha256().to_owned(),
            at,
            undo,
        }
    }

    /// The command that writes the previous text, if that is known and short.
    fn write_back(&self, before: Before<'_>) -> Option<String> {
        let text = inline(before.bytes?)?;
        let new = self.path.beside("new");
        let (path, new) = (self.path.quoted(), new.quoted());
        Some(format!("write_back {path} {new} {}", quote_str(text)))
    }

    fn validation(&self) -> String {
        self.validate
            .as_ref()
            .map(Validation::line)
            .unwrap_or_default()
    }

    fn change(
        &self,
        diff: Vec<Diff>,
        apply: String,
        undo: String,
        after: PathState,
        content: &Content,
    ) -> Change {
        let path = self.path.to_string();
        let mut leaves = vec![
            (self.query(), Answer::Path(after)),
            (
                Query::Sha256(path.clone()),
                Answer::Sha256(Some(content.sha256().to_owned())),
            ),
        ];
        let known = content.bytes();
        if let Some(bytes) = known.filter(|bytes| bytes.len() as u64 <= Query::LARGEST_CONTENT) {
            let bytes = bytes.to_vec();
            leaves.push((Query::Content(path), Answer::Content(Some(bytes))));
        }
        Change {
            alters: Some(vec![self.entry()]),
            ..Change::new(diff, apply, undo).leaving(leaves)
        }
    }

    /// The needs of a file that is written.
    pub(crate) fn needs(&self) -> Vec<Need> {
        let parent = Need::Directory(self.path.parent().to_owned());
        let owners = self.attributes.ownership.needs();
        let validate = self.validate.as_ref().and_then(Validation::need);
        std::iter::once(parent)
            .chain(owners)
            .chain(validate)
            .collect()
    }

    /// The plan, unless it would create or replace a file where that is impossible.
    pub(crate) fn possible(&self, plan: Plan) -> Plan {
        match (&plan, self.refused()) {
            (Plan::Change(change), Some(reason)) if writes(change) => Plan::Impossible(reason),
            _ => plan,
        }
    }

    fn refused(&self) -> Option<String> {
        let of_kernel = |root: &&str| {
            let rest = self.path.as_str().strip_prefix(*root);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let root = ["/proc", "/sys"].into_iter().find(of_kernel)?;
        Some(format!(
            "{} is in the pseudo file system {root}, where files cannot be created or replaced",
            self.path
        ))
    }

    pub(crate) fn query(&self) -> Query {
        Query::Path(self.path.to_string())
    }

    pub(crate) fn entry(&self) -> Resource {
        Resource::Entry(self.path.to_string())
    }
}

/// Whether it changes more than attributes.
fn writes(change: &Change) -> bool {
    let is_content = |(query, _): &(Query, Answer)| matches!(query, Query::Sha256(_));
    change.leaves.iter().any(is_content)
}

fn body_at(path: &HostPath, payload: &Payload) -> Body {
    Body {
        path: path.to_string(),
        content: payload.clone(),
    }
}

/// Adds a text as a word of a shell. Returns its position.
fn push_quoted(script: &mut String, text: &str) -> Range<usize> {
    let from = script.len();
    script.push_str(&quote_str(text));
    from..script.len()
}

/// The real path of a file, as words of a shell: the host has to resolve a link.
struct Here {
    /// A line that resolves it, if one is needed.
    find: String,
    path: String,
    /// Beside the file.
    new: String,
}

impl Here {
    fn of(path: &HostPath, state: &PathState) -> Self {
        let new = path.beside("new");
        if state.link.is_none() {
            return Self {
                find: String::new(),
                path: path.quoted(),
                new: new.quoted(),
            };
        }
        let name = new.as_str().rsplit('/').next().unwrap_or_default();
        Self {
            find: format!("ops_path=$(readlink -f {})\n", path.quoted()),
            path: "\"$ops_path\"".to_owned(),
            new: format!("\"${{ops_path%/*}}/{name}\""),
        }
    }
}
