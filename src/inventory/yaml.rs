//! Parses YAML text into a [`Node`] like Ansible's loader (PyYAML, YAML 1.1): `yes` is true, `0644` is 420,
//! `<<` merges, `!vault` and `!unsafe` are supported. Duplicate keys are an error.
//!
//! The events come from the parser that serde-saphyr uses, since serde does not provide lines and tags.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

use super::node::{Entry, Kind, Node, UNSAFE_KEY, VAULT_KEY, tagged};
use super::{vault, yaml_scalar};

/// A mistake in the text, with its line.
#[derive(Debug)]
pub(super) struct YamlError {
    pub line: usize,
    pub message: String,
}

/// Deeper than any real inventory. Keeps a malicious one from overflowing the stack.
const MAX_DEPTH: usize = 100;
/// Maximum number of values that aliases may expand to: a short text with aliases can expand to very many.
const MAX_ALIASED: usize = 1_000_000;
/// Maximum number of bytes of text in these values.
const MAX_ALIASED_TEXT: usize = 64 << 20;

/// Parses the document in `text`; `None` for an empty one.
pub(super) fn parse(text: &str) -> Result<Option<Node>, YamlError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        aliased: Size::default(),
    };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(document),
            Event::DocumentStart(..) if document.is_some() => {
                return Err(YamlError {
                    line: span.start.line(),
                    message: "the file contains a second document, only one is allowed".to_owned(),
                });
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => document = Some(reader.node(event, &span, 0)?),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, (Node, Size)>,
    aliased: Size,
}

impl<'t> Reader<'t> {
    /// The next event that is not a comment.
    fn next(&mut self) -> Result<(Event<'t>, Span), YamlError> {
        loop {
            match self.parser.next() {
                Some(Ok((Event::Comment(..) | Event::Anchor(..), _))) => {}
                Some(Ok(pair)) => return Ok(pair),
                Some(Err(error)) => {
                    return Err(YamlError {
                        line: error.marker().line(),
                        message: error.info(),
                    });
                }
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, YamlError> {
        let line = span.start.line();
        if depth > MAX_DEPTH {
            return Err(YamlError {
                line,
                message: format!("the value is nested more than {MAX_DEPTH} levels deep"),
            });
        }
        let before = self.aliased;
        let (kind, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => (
                Kind::Scalar(scalar(&text, style, tag.as_deref(), line)?),
                anchor,
                None,
            ),
            Event::SequenceStart(_, anchor, tag) => (Kind::List(self.list(depth)?), anchor, tag),
            Event::MappingStart(_, anchor, tag) => (Kind::Map(self.map(depth)?), anchor, tag),
            Event::Alias(id) => return self.alias(id, line),
            other => {
                return Err(YamlError {
                    line,
                    message: format!("unexpected {other:?}"),
                });
            }
        };
        let mut node = Node { line, kind };
        if tag.is_some_and(|tag| tag.to_string() == "!unsafe") {
            node.make_unsafe();
        }
        if anchor != 0 {
            let mut size = self.aliased;
            size.values -= before.values;
            size.text -= before.text;
            size.add(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, line: usize) -> Result<Node, YamlError> {
        let Some((node, size)) = self.anchors.get(&id) else {
            return Err(YamlError {
                line,
                message: "the alias refers to a value that contains it".to_owned(),
            });
        };
        self.aliased.values += size.values;
        self.aliased.text += size.text;
        let over = if self.aliased.values > MAX_ALIASED {
            format!("{MAX_ALIASED} values")
        } else if self.aliased.text > MAX_ALIASED_TEXT {
            format!("{} MiB of text", MAX_ALIASED_TEXT >> 20)
        } else {
            String::new()
        };
        if !over.is_empty() {
            return Err(YamlError {
                line,
                message: format!("the aliases expand to more than {over}"),
            });
        }
        Ok(Node {
            line,
            kind: node.kind.clone(),
        })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, YamlError> {
        let mut entries = Entries::default();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let plain_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, &span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth + 1)?;
            if plain_merge {
                merged.push(value);
                continue;
            }
            let key = key_text(&key)?;
            if let Some(at) = entries.position(&key) {
                let first = entries.list[at].line;
                return Err(YamlError {
                    line,
                    message: format!("duplicate key `{key}`, first in line {first}"),
                });
            }
            entries.add(Entry { key, line, value });
        }
        damage(&entries.list)?;
        for node in merged {
            let line = node.line;
            match node.kind {
                Kind::Map(from) => entries.fill(from),
                Kind::List(maps) => {
                    for map in maps {
                        let Kind::Map(from) = map.kind else {
                            return Err(bad_merge(line));
                        };
                        entries.fill(from);
                    }
                }
                Kind::Scalar(_) => return Err(bad_merge(line)),
            }
        }
        Ok(entries.list)
    }
}

/// Finds damage in `{"__ansible_vault": "..."}`, the JSON form of an encrypted value.
fn damage(entries: &[Entry]) -> Result<(), YamlError> {
    if let [entry] = entries
        && entry.key == VAULT_KEY
        && let Kind::Scalar(Value::String(text)) = &entry.value.kind
    {
        vault::check(text).map_err(|(_, error)| YamlError {
            line: entry.line,
            message: error.to_string(),
        })?;
    }
    Ok(())
}

fn bad_merge(line: usize) -> YamlError {
    YamlError {
        line,
        message: "`<<` needs a mapping or a list of mappings".to_owned(),
    }
}

/// Entries of a map under construction.
#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    /// The position of each key; filled only when there are enough keys for it to pay off.
    index: HashMap<String, usize>,
}

impl Entries {
    fn position(&mut self, key: &str) -> Option<usize> {
        if self.list.len() < 16 {
            return self.list.iter().position(|entry| entry.key == key);
        }
        if self.index.len() != self.list.len() {
            self.index = self
                .list
                .iter()
                .enumerate()
                .map(|(at, entry)| (entry.key.clone(), at))
                .collect();
        }
        self.index.get(key).copied()
    }

    /// Adds an entry whose key is new.
    fn add(&mut self, entry: Entry) {
        if !self.index.is_empty() {
            self.index.insert(entry.key.clone(), self.list.len());
        }
        self.list.push(entry);
    }

    /// Adds the entries whose keys are not present yet.
    fn fill(&mut self, from: Vec<Entry>) {
        for entry in from {
            if self.position(&entry.key).is_none() {
                self.add(entry);
            }
        }
    }
}

fn key_text(key: &Node) -> Result<String, YamlError> {
    match &key.kind {
        Kind::Scalar(Value::String(text)) => Ok(text.clone()),
        Kind::Scalar(Value::Bool(true)) => Ok("True".to_owned()),
        Kind::Scalar(Value::Bool(false)) => Ok("False".to_owned()),
        Kind::Scalar(Value::Number(number)) => Ok(number.to_string()),
        Kind::Scalar(Value::Null) => Ok("None".to_owned()),
        _ => Err(YamlError {
            line: key.line,
            message: format!("a key must be a string, found {}", key.noun()),
        }),
    }
}

/// The number of values and the bytes of text in a value.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    text: usize,
}

impl Size {
    fn add(&mut self, node: &Node) {
        self.values += 1;
        match &node.kind {
            Kind::Scalar(Value::String(text)) => self.text += text.len(),
            // An encrypted value.
            Kind::Scalar(Value::Object(map)) => {
                self.text += map
                    .values()
                    .filter_map(Value::as_str)
                    .map(str::len)
                    .sum::<usize>();
            }
            Kind::Scalar(_) => {}
            Kind::List(items) => items.iter().for_each(|item| self.add(item)),
            Kind::Map(entries) => {
                for entry in entries {
                    self.text += entry.key.len();
                    self.add(&entry.value);
                }
            }
        }
    }
}

fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    line: usize,
) -> Result<Value, YamlError> {
    let tag = tag.map(ToString::to_string);
    let core = tag
        .as_deref()
        .map(|tag| tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag));
    match core {
        None if style == ScalarStyle::Plain => Ok(yaml_scalar::resolve(text)),
        None | Some("str" | "!" | "binary" | "timestamp") => Ok(Value::String(text.to_owned())),
        Some("!vault" | "!vault-encrypted") => {
            vault::check(text).map_err(|(below, error)| YamlError {
                // The parser reports a block at its first line of text.
                line: match style {
                    ScalarStyle::Literal => line + below,
                    _ => line,
                },
                message: error.to_string(),
            })?;
            Ok(tagged(VAULT_KEY, text))
        }
        Some("!unsafe") => Ok(tagged(UNSAFE_KEY, text)),
        Some("null") => Ok(Value::Null),
        Some(kind @ ("int" | "float" | "bool")) => {
            let value = yaml_scalar::resolve(text);
            let fits = match kind {
                "bool" => value.is_boolean(),
                "int" => value.is_i64() || value.is_u64(),
                _ => value.is_number(),
            };
            if fits {
                Ok(value)
            } else {
                Err(YamlError {
                    line,
                    message: format!("`{text}` is not a valid {kind}"),
                })
            }
        }
        Some(other) => Err(YamlError {
            line,
            message: format!("unknown tag {other}"),
        }),
    }
}
