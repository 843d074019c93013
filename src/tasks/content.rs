//! What is to stand in a file: text, or bytes that are none.

use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use sha2::{Digest, Sha256};

use crate::model::Diff;

/// Contents up to this size are compared line by line. Asking for more than that would hold up a probe.
pub const LARGEST_DIFF: u64 = 256 * 1024;

/// Text up to this size goes in a script; what is larger, or no text, goes as a body.
const LARGEST_INLINE: usize = 64 * 1024;

/// The content of a file, and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Arc<[u8]>,
    sha256: String,
}

impl Content {
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let sha256 = sha256(&bytes);
        Self { bytes, sha256 }
    }

    #[must_use]
    pub const fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// SHA-256 in hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// As text that may stand in a script.
    #[must_use]
    pub fn inline(&self) -> Option<&str> {
        inline(&self.bytes)
    }

    /// The difference to what was there: `None` for nothing, else its size and digest, and its bytes
    /// where they are known.
    #[must_use]
    pub fn diff(&self, path: &str, before: Option<Before<'_>>, secret: bool) -> Diff {
        let path = path.to_owned();
        if secret {
            return Diff::Hidden { path };
        }
        let old = match &before {
            None => Some(""),
            Some(before) => before.bytes.and_then(text),
        };
        match (old, text(&self.bytes)) {
            (Some(before), Some(after)) if self.size() <= LARGEST_DIFF => Diff::Text {
                path,
                before: before.to_owned(),
                after: after.to_owned(),
            },
            _ => Diff::Binary {
                path,
                before: before.map(|before| (before.size, before.sha256.to_owned())),
                after: (self.size(), self.sha256.clone()),
            },
        }
    }
}

/// What stood in a file.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    pub size: u64,
    pub sha256: &'a str,
    pub bytes: Option<&'a [u8]>,
}

/// As text that may stand in a script.
pub fn inline(bytes: &[u8]) -> Option<&str> {
    text(bytes).filter(|text| text.len() <= LARGEST_INLINE)
}

/// Whether it is text: UTF-8 without a NUL.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
}

/// SHA-256 in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A SHA-256 that somebody wrote, in lower case; `None`: it is none.
#[must_use]
pub fn sha256_of(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then_some(text)
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl Visitor<'_> for ContentVisitor {
            type Value = Content;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("text or a blob")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::new(text.as_bytes()))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Content, E> {
                Ok(Content::new(bytes))
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}
