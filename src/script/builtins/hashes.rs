//! `sha1`, `sha256`, `sha512`, and the same of a file next to the playbook.

use std::fmt::Write as _;

use rhai::{Blob, Engine, EvalAltResult, NativeCallContext};
use sha2::Digest as _;

use super::declare;
use crate::declare::{Function, function};
use crate::script::error::argument;
use crate::script::frame::Frame;

/// A hash function: for a string or a blob, for a file, and its digest in hexadecimal.
struct Hash {
    of_value: Function,
    of_file: Function,
    digest: fn(&[u8]) -> String,
}

/// The two functions of a hash, with their pages.
macro_rules! hash {
    ($of_value:ident, $of_file:ident, $title:literal, $digest:ty) => {{
        function! {
            #[doc = concat!(" Returns the ", $title, " hash of a string or a blob, in hexadecimal.")]
            ///
            /// ```rhai
            #[doc = concat!(" log::info(", stringify!($of_value), "(\"text\"));")]
            /// ```
            OF_VALUE = $of_value {
                (text: String) -> String,
                (bytes: Blob) -> String,
            }

            #[doc = concat!(
                " Returns the ", $title, " hash of a file next to the playbook, in hexadecimal. The file ",
                "must be one that `read_file` may read, and at most 64 MiB."
            )]
            ///
            /// ```rhai
            #[doc = concat!(" let sum = ", stringify!($of_file), "(\"shop.tar.gz\");")]
            /// ```
            OF_FILE = $of_file {
                (path: String) -> String,
            }
        }
        Hash {
            of_value: OF_VALUE,
            of_file: OF_FILE,
            digest: |bytes| hex(&<$digest>::digest(bytes)),
        }
    }};
}

const HASHES: [Hash; 3] = [
    hash!(sha256, sha256_of_file, "SHA-256", sha2::Sha256),
    hash!(sha512, sha512_of_file, "SHA-512", sha2::Sha512),
    hash!(sha1, sha1_of_file, "SHA-1", sha1::Sha1),
];

pub(super) fn register(engine: &mut Engine) {
    for hash in HASHES {
        let digest = hash.digest;
        declare(&hash.of_value, 0)
            .register_into_engine(engine, move |text: &str| digest(text.as_bytes()));
        declare(&hash.of_value, 1).register_into_engine(engine, move |bytes: Blob| digest(&bytes));
        declare(&hash.of_file, 0).register_into_engine(
            engine,
            move |context: NativeCallContext, path: &str| -> Result<String, Box<EvalAltResult>> {
                let frame = Frame::of(&context)?;
                let bytes = frame.world().read(path).map_err(|error| {
                    argument(&context, format!("failed to read {path}: {error}"))
                })?;
                Ok(digest(&bytes))
            },
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
