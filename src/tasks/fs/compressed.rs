//! Compressed contents for transfer.

use std::io::{self, Seek, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::SpooledData;

use crate::shell::{Payload, SourceFile};
use crate::tasks::fs::{Content, LARGEST_HELD};

/// A content in gzip format (RFC 1952). A large one is written to an unnamed temporary file. `None`: it
/// would not be smaller.
///
/// # Errors
/// Fails if the content cannot be read or there is no space for it.
pub(crate) fn compressed(content: &Content) -> io::Result<Option<Payload>> {
    let limit = usize::try_from(LARGEST_HELD).unwrap_or(usize::MAX);
    let spool = tempfile::spooled_tempfile(limit);
    let mut encoder = GzEncoder::new(spool, Compression::default());
    content.copy_to(&mut encoder)?;
    let mut spool = encoder.finish()?;
    spool.flush()?;
    let payload = match spool.into_inner() {
        SpooledData::InMemory(cursor) => Payload::from(cursor.into_inner()),
        SpooledData::OnDisk(mut file) => {
            file.rewind()?;
            let file = SourceFile::new(file, "the compressed content")?;
            Payload::File(Arc::new(file))
        }
    };
    Ok((payload.size() < content.size()).then_some(payload))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn compressible_content_survives_a_round_trip() {
        let text = "a line of a log\n".repeat(10_000);
        let content = Content::new(text.as_bytes());
        let payload = compressed(&content).expect("room").expect("smaller");
        let bytes = payload.held().expect("a small payload").clone();
        let mut plain = String::new();
        GzDecoder::new(&bytes[..])
            .read_to_string(&mut plain)
            .expect("gzip");
        assert!(plain == text && bytes.len() < text.len() / 10);
        let again = compressed(&Content::new(&bytes[..16]));
        assert!(again.expect("room").is_none());
    }
}
