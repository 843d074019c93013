//! The wanted content of a file: text, or other bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use sha2::{Digest, Sha256};

use crate::model::Diff;
use crate::shell::{Payload, SourceFile};
use crate::task::Query;

/// Contents up to this size are compared line by line. Requesting larger ones would delay a probe.
pub(crate) const LARGEST_DIFF: u64 = 256 * 1024;

/// How much of a large file is read at a time.
const PIECE: usize = 256 << 10;

/// Text up to this size is part of a script; larger text and other bytes are sent as a body.
const LARGEST_INLINE: usize = 64 * 1024;

/// Larger contents stay in their file, which is read while it is sent to each host: nothing needs the whole
/// content in memory.
pub const LARGEST_HELD: u64 = Query::LARGEST_CONTENT;

/// The content of a file, and its digest. Clones share it.
#[derive(Clone)]
pub struct Content {
    payload: Payload,
    sum: Arc<Sum>,
}

/// SHA-256 in hex. For a large file a thread computes it: it is needed only when the host has answered, and
/// until then there is time.
struct Sum {
    known: OnceLock<Result<String, String>>,
    making: Mutex<Option<JoinHandle<io::Result<String>>>>,
}

impl Sum {
    fn known(sum: String) -> Self {
        Self {
            known: Ok(sum).into(),
            making: Mutex::default(),
        }
    }

    fn of_file(file: Arc<SourceFile>) -> io::Result<Self> {
        let make = move || {
            // The faster of the two available implementations.
            let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
            each_piece(&file, |bytes| {
                digest.update(bytes);
                Ok(())
            })?;
            Ok(hex(digest.finish().as_ref()))
        };
        let making = thread::Builder::new().name("hash".into()).spawn(make)?;
        Ok(Self {
            known: OnceLock::new(),
            making: Mutex::new(Some(making)),
        })
    }

    /// Waits for the digest. `Err` has the reason why there is none.
    fn get(&self) -> Result<&str, &str> {
        let sum = self.known.get_or_init(|| {
            let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
            match making.take().map(JoinHandle::join) {
                Some(Ok(made)) => made.map_err(|error| error.to_string()),
                _ => Err("cannot compute its checksum".to_owned()),
            }
        });
        match sum {
            Ok(sum) => Ok(sum),
            Err(reason) => Err(reason),
        }
    }
}

/// Two contents with the same digest are equal.
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.sha256() == other.sha256()
    }
}

impl Eq for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes, {})", self.size(), self.sha256())
    }
}

impl Content {
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let sum = Arc::new(Sum::known(sha256(&bytes)));
        Self {
            payload: Payload::Held(bytes),
            sum,
        }
    }

    /// The content of a local file. A large file is read once in the background for its digest, and again
    /// for each host.
    ///
    /// # Errors
    /// Fails if the file cannot be read. For a large file, [`check`](Self::check) reports that.
    pub fn of_file(mut file: File, name: &str) -> io::Result<Self> {
        let found = file.metadata()?;
        if !found.is_file() || found.len() <= LARGEST_HELD {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            return Ok(Self::new(bytes));
        }
        let file = Arc::new(SourceFile::new(file, name)?);
        Ok(Self {
            sum: Arc::new(Sum::of_file(file.clone())?),
            payload: Payload::File(file),
        })
    }

    /// Waits until the file has been read once.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or was modified meanwhile. A lower-case fragment.
    pub fn check(&self) -> Result<(), String> {
        self.sum.get().map(drop).map_err(ToOwned::to_owned)
    }

    /// Writes the whole content.
    ///
    /// # Errors
    /// Fails if the content cannot be read, or is modified meanwhile, or the writer fails.
    pub fn copy_to(&self, writer: &mut impl Write) -> io::Result<()> {
        match &self.payload {
            Payload::Held(bytes) => writer.write_all(bytes),
            Payload::File(file) => each_piece(file, |bytes| writer.write_all(bytes)),
        }
    }

    #[must_use]
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The bytes, unless there are more than [`LARGEST_HELD`].
    #[must_use]
    pub const fn bytes(&self) -> Option<&Arc<[u8]>> {
        self.payload.held()
    }

    /// SHA-256 in hex. Empty if [`check`](Self::check) reports an error.
    #[must_use]
    pub fn sha256(&self) -> &str {
        self.sum.get().unwrap_or_default()
    }

    /// The same if it is computed by now. It is as soon as a plan has compared the content with a host's.
    #[must_use]
    pub fn known_sha256(&self) -> Option<&str> {
        self.sum.known.get()?.as_deref().ok()
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        self.payload.size()
    }

    /// The content as text that a script may contain.
    #[must_use]
    pub fn inline(&self) -> Option<&str> {
        inline(self.bytes()?)
    }

    /// The difference to the previous content: `None` if there was none, otherwise its size and digest, and
    /// its bytes if they are known.
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
        match (old, self.bytes().and_then(|bytes| text(bytes))) {
            (Some(before), Some(after)) if self.size() <= LARGEST_DIFF => Diff::Text {
                path,
                before: before.to_owned(),
                after: after.to_owned(),
            },
            _ => Diff::Binary {
                path,
                before: before.map(|before| (before.size, before.sha256.to_owned())),
                after: (self.size(), self.sha256().to_owned()),
            },
        }
    }
}

/// Reads through a file.
fn each_piece(file: &SourceFile, mut then: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < file.size() {
        let count = usize::try_from(file.size() - at).map_or(PIECE, |left| left.min(PIECE));
        let bytes = &mut piece[..count];
        file.read(at, bytes).map_err(io::Error::other)?;
        at += bytes.len() as u64;
        then(bytes)?;
    }
    Ok(())
}

/// The previous content of a file.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    pub size: u64,
    pub sha256: &'a str,
    pub bytes: Option<&'a [u8]>,
}

/// The content as text that a script may contain.
pub(crate) fn inline(bytes: &[u8]) -> Option<&str> {
    text(bytes).filter(|text| text.len() <= LARGEST_INLINE)
}

/// Whether the bytes are text: UTF-8 without a NUL byte.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
}

/// SHA-256 in hex.
#[must_use]
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A user's SHA-256 in lower case; `None` if it is invalid.
#[must_use]
pub(crate) fn sha256_of(text: &str) -> Option<String> {
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
                f.write_str("a string or a blob")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &[u8]) -> (tempfile::NamedTempFile, Arc<SourceFile>) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("written");
        let opened = SourceFile::new(file.reopen().expect("open"), "big").expect("a stamp");
        (file, Arc::new(opened))
    }

    #[test]
    fn computes_the_digest_of_a_large_file() {
        let bytes: Vec<u8> = (0..5_000_001_u32).map(|at| (at % 251) as u8).collect();
        let (file, _) = source(&bytes);
        let large = Content::of_file(file.reopen().expect("open"), "big").expect("readable");
        assert!(large.bytes().is_none());
        assert_eq!(large.check(), Ok(()));
        assert_eq!(large.sha256(), sha256(&bytes));
    }

    #[test]
    fn a_modified_file_has_an_error_instead_of_a_digest() {
        let (mut file, source) = source(b"as it was opened");
        file.write_all(b", and more").expect("written");
        let content = Content {
            sum: Arc::new(Sum::of_file(source.clone()).expect("a thread")),
            payload: Payload::File(source),
        };
        let reason = content.check().expect_err("it has changed");
        assert!(reason.contains("big was changed"), "{reason}");
        assert_eq!(content.sha256(), "");
    }
}
