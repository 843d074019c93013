//! A text or other bytes as they are kept in a run: with references to secrets in place of their values.
//!
//! [`Secrets::record`] makes one, [`Secrets::reveal`] gives the bytes again, in the same run or in another
//! one that knows the same secrets by the same names. In JSON, text without secrets is a string. Everything
//! else is a list of parts: strings, `{"secret": NAME}` and `{"base64": BYTES}` for what is not UTF-8.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::forms::Form;
use super::known::Alias;
use super::scrubber::{Match, Scrubber};
use super::{Secrets, forms};

/// Bytes with references to secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Plain(Vec<u8>),
    Secret(Reference),
}

/// A form of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    secret: Alias,
    form: String,
    /// Bytes at the beginning of the form that belong to the part before: two secrets overlap.
    skip: usize,
}

/// A record refers to a secret that the run does not know (yet).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSecret {
    #[error("it contains the secret `{0}`, which is not known")]
    Name(String),
    /// The value has changed, and the new one has no such part.
    #[error(
        "it contains the secret `{name}` in the form `{form}`, which its present value does not have"
    )]
    Form { name: String, form: String },
}

impl Secrets {
    /// The bytes with every secret that is known by now replaced by a reference. `host` is the host that they
    /// are about: of several names of a secret, that of this host is used.
    #[must_use]
    pub fn record(&self, bytes: &[u8], host: Option<&str>) -> Recorded {
        let scrubber = self.scrubber();
        let mut matches = scrubber.matches(bytes);
        if matches.is_empty() {
            return Recorded::plain(bytes);
        }
        matches.sort_by_key(|found| found.range.start);
        let mut names = Names {
            host,
            scrubber: &scrubber,
            known: HashMap::new(),
        };
        let mut parts = Vec::new();
        let mut next = matches.iter().peekable();
        // Of the matches that begin at or before `at`, the one that reaches furthest.
        let mut furthest: Option<&Match> = None;
        let mut at = 0;
        while at < bytes.len() {
            while let Some(found) = next.next_if(|found| found.range.start <= at) {
                if furthest.is_none_or(|furthest| furthest.range.end < found.range.end) {
                    furthest = Some(found);
                }
            }
            if let Some(found) = furthest.filter(|furthest| furthest.range.end > at) {
                let skip = at - found.range.start;
                let text = &bytes[found.range.clone()];
                // Every secret has a name, and every text that is looked for is one of its forms.
                let reference = names.reference(found, text, skip);
                parts.extend(reference.map(Part::Secret));
                at = found.range.end;
            } else {
                let end = next.peek().map_or(bytes.len(), |next| next.range.start);
                parts.push(Part::Plain(bytes[at..end].to_vec()));
                at = end;
            }
        }
        Recorded(parts)
    }

    /// The bytes that were recorded, with the values that the secrets have in this run.
    ///
    /// # Errors
    /// A secret is not known in this run, or not yet.
    pub fn reveal<'r>(&self, recorded: &'r Recorded) -> Result<Cow<'r, [u8]>, UnknownSecret> {
        match recorded.0.as_slice() {
            [] => return Ok(Cow::Borrowed(&[])),
            [Part::Plain(bytes)] => return Ok(Cow::Borrowed(bytes)),
            _ => {}
        }
        let mut bytes = Vec::new();
        let mut known: HashMap<&Alias, HashMap<String, Vec<u8>>> = HashMap::new();
        for part in &recorded.0 {
            match part {
                Part::Plain(plain) => bytes.extend_from_slice(plain),
                Part::Secret(Reference { secret, form, skip }) => {
                    let forms = match known.entry(secret) {
                        Entry::Occupied(forms) => forms.into_mut(),
                        Entry::Vacant(forms) => forms.insert(self.forms_of(secret)?),
                    };
                    let text = forms.get(form).ok_or_else(|| UnknownSecret::Form {
                        name: secret.to_string(),
                        form: form.clone(),
                    })?;
                    bytes.extend_from_slice(text.get(*skip..).unwrap_or_default());
                }
            }
        }
        Ok(Cow::Owned(bytes))
    }

    /// The forms of a secret by their names.
    fn forms_of(&self, secret: &Alias) -> Result<HashMap<String, Vec<u8>>, UnknownSecret> {
        let value = self
            .value(secret)
            .ok_or_else(|| UnknownSecret::Name(secret.to_string()))?;
        let forms = forms::all(&value).into_iter();
        Ok(forms.map(|(form, text)| (form.to_string(), text)).collect())
    }

    /// Replaces secrets that have become known since this was recorded.
    pub fn record_again(&self, recorded: &mut Recorded, host: Option<&str>) {
        let again = if let Ok(bytes) = self.reveal(recorded) {
            self.record(&bytes, host)
        } else {
            // With a secret of an earlier attempt that is not known yet: the rest is searched.
            let parts = std::mem::take(&mut recorded.0).into_iter();
            Recorded(parts.flat_map(|part| self.part_again(part, host)).collect())
        };
        *recorded = again;
    }

    fn part_again(&self, part: Part, host: Option<&str>) -> Vec<Part> {
        match part {
            Part::Plain(bytes) => self.record(&bytes, host).0,
            Part::Secret(_) => vec![part],
        }
    }
}

/// The names of the secrets in a text and of their forms.
struct Names<'r> {
    host: Option<&'r str>,
    scrubber: &'r Scrubber,
    /// By value.
    known: HashMap<Arc<str>, Named>,
}

struct Named {
    secret: Option<Alias>,
    forms: HashMap<Vec<u8>, Form>,
}

impl Names<'_> {
    fn reference(&mut self, found: &Match, text: &[u8], skip: usize) -> Option<Reference> {
        let named = self
            .known
            .entry(Arc::clone(&found.of.value))
            .or_insert_with(|| {
                let mut secret = found.of.alias(self.host);
                if let Some(secret) = &mut secret {
                    self.scrubber.scrub_in_place(&mut secret.name);
                }
                // Of several with the same text, the first one: `plain` if it is that.
                let forms = forms::all(&found.of.value).into_iter().rev();
                let forms = forms.map(|(form, text)| (text, form)).collect();
                Named { secret, forms }
            });
        Some(Reference {
            secret: named.secret.clone()?,
            form: named.forms.get(text)?.to_string(),
            skip,
        })
    }
}

impl Recorded {
    fn plain(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            Self::default()
        } else {
            Self(vec![Part::Plain(bytes.to_vec())])
        }
    }

    /// How many bytes of it are not secret.
    #[must_use]
    pub fn len(&self) -> usize {
        let plain = |part: &Part| match part {
            Part::Plain(bytes) => bytes.len(),
            Part::Secret(_) => 0,
        };
        self.0.iter().map(plain).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same bytes for every value and name of a secret: for a digest by which steps are compared.
    #[must_use]
    pub fn masked(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.0 {
            match part {
                Part::Plain(plain) => bytes.extend_from_slice(plain),
                // Of two names of one value, which one a run learns first is a matter of chance.
                Part::Secret(Reference { form, skip, .. }) => {
                    bytes.extend_from_slice(format!("\0{form}\0{skip}\0").as_bytes());
                }
            }
        }
        bytes
    }
}

/// A part in JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written<'r> {
    Text(Cow<'r, str>),
    Base64 {
        base64: String,
    },
    Secret {
        secret: Cow<'r, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<Cow<'r, str>>,
        #[serde(default = "one", skip_serializing_if = "is_one")]
        number: usize,
        #[serde(default = "plain", skip_serializing_if = "is_plain")]
        form: Cow<'r, str>,
        #[serde(default, skip_serializing_if = "is_zero")]
        skip: usize,
    },
}

const fn one() -> usize {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_one(number: &usize) -> bool {
    *number == 1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

const fn plain<'r>() -> Cow<'r, str> {
    Cow::Borrowed("plain")
}

fn is_plain(form: &str) -> bool {
    form == "plain"
}

impl<'r> Written<'r> {
    fn new(part: &'r Part) -> Self {
        match part {
            Part::Plain(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !is_mostly_escapes(bytes) => Self::Text(Cow::Borrowed(text)),
                _ => Self::Base64 {
                    base64: STANDARD.encode(bytes),
                },
            },
            Part::Secret(Reference { secret, form, skip }) => Self::Secret {
                secret: Cow::Borrowed(&secret.name),
                host: secret.host.as_deref().map(Cow::Borrowed),
                number: secret.number,
                form: Cow::Borrowed(form),
                skip: *skip,
            },
        }
    }

    fn part(self) -> Result<Part, base64::DecodeError> {
        Ok(match self {
            Self::Text(text) => Part::Plain(text.into_owned().into_bytes()),
            Self::Base64 { base64 } => Part::Plain(STANDARD.decode(base64)?),
            Self::Secret {
                secret,
                host,
                number,
                form,
                skip,
            } => Part::Secret(Reference {
                secret: Alias {
                    name: secret.into_owned(),
                    host: host.map(Cow::into_owned),
                    number,
                },
                form: form.into_owned(),
                skip,
            }),
        })
    }
}

/// Control characters take six bytes each in JSON.
fn is_mostly_escapes(bytes: &[u8]) -> bool {
    let control = |byte: &&u8| **byte < b' ' && !b"\n\r\t".contains(byte);
    bytes.iter().filter(control).count() > bytes.len() / 8
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts: Vec<Written<'_>> = self.0.iter().map(Written::new).collect();
        match parts.as_slice() {
            [] => "".serialize(serializer),
            [text @ Written::Text(_)] => text.serialize(serializer),
            parts => parts.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Whole {
            Text(String),
            Parts(Vec<Written<'static>>),
        }
        match Whole::deserialize(deserializer)? {
            Whole::Text(text) => Ok(Self::plain(text.as_bytes())),
            Whole::Parts(parts) => {
                let parts = parts.into_iter().map(Written::part);
                parts
                    .collect::<Result<_, _>>()
                    .map(Self)
                    .map_err(D::Error::custom)
            }
        }
    }
}
