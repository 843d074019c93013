//! Cases of tasks as written in `tests/tasks/<namespace>/<name>.toml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ops::declare::{ArgumentError, Arguments, Place, Value};
use ops::model::Diff;
use ops::task::Task;
use ops::tasks::{Artifact, Content, Entry, Surroundings};
use serde::Deserialize;

use super::bytes::Bytes;
use super::facts::Fact;
use super::tree;

/// The arguments of a task, the state of a host, and the expected result.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub name: String,
    /// `$root` in a text is the directory that contains the tree.
    args: Vec<toml::Value>,
    /// The arguments are refused: the position (`0`, `mode`, or nothing), then what the message or the hint
    /// contains.
    error: Option<(String, String)>,
    /// The name of the task in the output.
    pub label: Option<String>,
    /// The files below `$root`.
    #[serde(default)]
    pub tree: Vec<tree::Entry>,
    /// Alternatively, the answers of the host.
    pub facts: Option<Vec<Fact>>,
    /// The answers to additional questions of a plan.
    #[serde(default)]
    pub table: std::collections::BTreeMap<String, String>,
    /// `unchanged`, `change`, `unknown` or `impossible`.
    pub plan: Option<String>,
    /// What the reason of an unknown or impossible one contains.
    pub because: Option<String>,
    /// The parts of the diff, one per line.
    pub diff: Option<Vec<String>>,
    /// What the outcome also reports after the change.
    pub note: Option<String>,
    /// The change fails on the host, with this on stderr, and nothing is left incomplete.
    pub fails: Option<String>,
    /// What the tree must contain afterwards: a line of a snapshot by path.
    #[serde(default)]
    pub after: std::collections::BTreeMap<String, String>,
    /// The script of the change, if a case shows it.
    pub apply: Option<String>,
    pub undo: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// The directory of the cases of a task.
pub(crate) fn file_of(entry: &Entry) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tasks")
        .join(entry.namespace)
        .join(format!("{}.toml", entry.name))
}

/// Returns the cases of a task.
pub(crate) fn cases_of(entry: &Entry) -> Vec<Case> {
    let path = file_of(entry);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: no cases in {}: {e}", entry.full_name(), path.display()));
    let cases: Cases = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    cases.case
}

impl Case {
    /// Returns the task, or why its arguments are refused.
    pub(crate) fn task(&self, entry: &Entry, root: &Path) -> Result<Arc<dyn Task>, ArgumentError> {
        let root = root.to_str().expect("UTF-8");
        let values = self.args.iter().map(|value| convert(value, root)).collect();
        (entry.make)(Arguments::new(values), &Beside)
    }

    /// Compares a refusal with the case.
    pub(crate) fn refused(&self, error: &ArgumentError) {
        let (place, text) = self.error.as_ref().unwrap_or_else(|| panic!("{error:?}"));
        let at = match &error.place {
            Place::Parameter(index) => index.to_string(),
            Place::Option(key) => key.clone(),
            Place::Call => String::new(),
        };
        assert_eq!(&at, place, "{error:?}");
        let said = format!(
            "{} {}",
            error.message,
            error.hint.as_deref().unwrap_or_default()
        );
        assert!(said.contains(text), "{said}");
    }

    /// Whether the case can be executed: it has a tree.
    pub(crate) const fn is_real(&self) -> bool {
        self.error.is_none() && self.facts.is_none()
    }

    pub(crate) const fn is_refused(&self) -> bool {
        self.error.is_some()
    }
}

fn convert(value: &toml::Value, root: &str) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text.replace("$root", root)),
        toml::Value::Integer(number) => Value::Int(*number),
        toml::Value::Float(number) => Value::Float(*number),
        toml::Value::Boolean(value) => Value::Bool(*value),
        toml::Value::Datetime(time) => Value::Text(time.to_string()),
        toml::Value::Array(values) => {
            Value::List(values.iter().map(|value| convert(value, root)).collect())
        }
        toml::Value::Table(table) => match value.clone().try_into::<Bytes>() {
            Ok(Bytes(bytes)) => match String::from_utf8(bytes) {
                Ok(text) => Value::Text(text),
                Err(error) => Value::Bytes(error.into_bytes()),
            },
            Err(_) => Value::Map(
                table
                    .iter()
                    .map(|(key, value)| (key.clone(), convert(value, root)))
                    .collect(),
            ),
        },
    }
}

/// Returns each part of a diff as a line of a case.
pub(crate) fn lines(diff: &[Diff], root: &Path) -> Vec<String> {
    let root = root.to_str().expect("UTF-8");
    diff.iter()
        .map(|part| match part {
            Diff::Property {
                name,
                before,
                after,
            } => format!("{name}: {before} -> {after}"),
            Diff::Text { before, after, .. } => format!("text: {before:?} -> {after:?}"),
            Diff::Binary { before, after, .. } => {
                let size = before.as_ref().map(|(size, _)| size.to_string());
                let before = size.unwrap_or_else(|| "nothing".to_owned());
                format!("binary: {before} -> {}", after.0)
            }
            Diff::Hidden { .. } => "hidden".to_owned(),
            Diff::Note { text } => text.clone(),
        })
        .map(|line| line.replace(root, "$root"))
        .collect()
}

/// A tar file of an application.
fn app() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, mode: u32, content: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_uid(4321);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        if name.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        tar.append_data(&mut header, name, content.as_bytes())
            .expect("added");
    };
    add("app/", 0o700, "");
    add("app/run", 0o775, "#!/bin/sh\n");
    add("app/log/", 0o755, "");
    add("app/log/old", 0o644, "x");
    add("app/a b'c", 0o644, "odd");
    tar.into_inner().expect("a tar file")
}

/// A playbook with some files beside it.
struct Beside;

impl Surroundings for Beside {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        match path {
            "motd.j2" => Ok(Arc::from(
                &b"{% if greet %}\nhello {{ name }}\n{% endif %}\n"[..],
            )),
            "header.j2" => Ok(Arc::from(
                &b"#jinja2: trim_blocks: False\n{% if greet %}\nhello {{ name }}\n{% endif %}\n"[..],
            )),
            "mark.j2" => Ok(Arc::from(&b"\xef\xbb\xbfhello\n"[..])),
            "delimiters.j2" => Ok(Arc::from(&b"#jinja2: variable_start_string: '[['\nx\n"[..])),
            "fault.j2" => Ok(Arc::from(
                &b"#jinja2: trim_blocks: True\nx\n{{ nothing }}\n"[..],
            )),
            "bytes" => Ok(Arc::from(&b"\x00\xff"[..])),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn artifact(&self, path: &str) -> Result<Arc<Artifact>, String> {
        match path {
            "app.tar" => Ok(Arc::new(Artifact::file(Content::new(app()), false))),
            "app" => Ok(Arc::new(Artifact::packed(Content::new(app())))),
            "broken.tar.gz" => Ok(Arc::new(Artifact::file(
                Content::new(&b"\x1f\x8b no"[..]),
                false,
            ))),
            "run" => Ok(Arc::new(Artifact::file(
                Content::new(&b"#!/bin/sh\n"[..]),
                true,
            ))),
            path => self
                .read(path)
                .map(|bytes| Arc::new(Artifact::file(Content::new(bytes), false))),
        }
    }

    fn vars(&self) -> minijinja::Value {
        minijinja::context! { name => "web1", greet => true }
    }
}
