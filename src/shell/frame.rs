//! Splits one output stream of a session into markers and data.
//!
//! A marker is `@<nonce> <request> <kind> <arguments>
//! `, wherever it occurs, even within a line. Everything else is data, byte for byte. Bytes that could
//! become a marker are held back until that is decided.
//!
//! It matters that a marker has one newline, at its end: bash writes line by line, so a second newline
//! would split it into two writes, and several processes write to a stream.

/// The first byte of a marker; the rest of its first word is random.
const START: u8 = b'@';

/// The length beyond which the apparent beginning of a marker is data.
const MAX_MARKER: usize = 256;

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Vec<u8>),
    Marker(Marker),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    /// The number of its request; 0 is the hello.
    pub request: u64,
    pub kind: u8,
    pub numbers: Vec<u64>,
}

#[derive(Debug)]
pub(super) struct Frames {
    /// `@<nonce> `
    prefix: Vec<u8>,
    held: Vec<u8>,
}

impl Frames {
    pub(crate) fn new(nonce: &str) -> Self {
        Self {
            prefix: format!("@{nonce} ").into_bytes(),
            held: Vec::new(),
        }
    }

    /// Takes the bytes read, and returns the pieces that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.held.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        let mut data_from = 0;
        let mut at = 0;
        while let Some(start) = find(&self.held[at..], START).map(|found| at + found) {
            let rest = &self.held[start..];
            let common = rest.len().min(self.prefix.len());
            let (prefix, body) = rest.split_at(common);
            // If it is not a marker, the next one may begin right after its first byte.
            at = start + 1;
            if prefix != &self.prefix[..common] {
                continue;
            }
            match find(body, b'\n').filter(|_| common == self.prefix.len()) {
                Some(end) => {
                    if let Some(marker) = Marker::parse(&body[..end]) {
                        push_data(&mut pieces, &self.held[data_from..start]);
                        pieces.push(Piece::Marker(marker));
                        at = start + common + end + 1;
                        data_from = at;
                    }
                }
                None if rest.len() > MAX_MARKER => {}
                // It may become a marker.
                None => {
                    push_data(&mut pieces, &self.held[data_from..start]);
                    self.held.drain(..start);
                    return pieces;
                }
            }
        }
        push_data(&mut pieces, &self.held[data_from..]);
        self.held.clear();
        pieces
    }

    /// Returns what is still held back when the stream ends.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    bytes.iter().position(|&other| other == byte)
}

fn push_data(pieces: &mut Vec<Piece>, bytes: &[u8]) {
    if !bytes.is_empty() {
        pieces.push(Piece::Data(bytes.to_vec()));
    }
}

impl Marker {
    /// `None` if it is malformed: then it was not written by ops.
    fn parse(body: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(body).ok()?.split(' ');
        let request = words.next()?.parse().ok()?;
        let &[kind] = words.next()?.as_bytes() else {
            return None;
        };
        let numbers = words
            .filter(|word| !word.is_empty())
            .map(|word| word.parse().ok())
            .collect::<Option<_>>()?;
        Some(Self {
            request,
            kind,
            numbers,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: &str = "00ff00ff";

    fn all(frames: &mut Frames, chunks: &[&[u8]]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for piece in chunks
            .iter()
            .flat_map(|chunk| frames.push(chunk))
            .collect::<Vec<_>>()
        {
            match (pieces.last_mut(), piece) {
                (Some(Piece::Data(before)), Piece::Data(more)) => before.extend(more),
                (_, piece) => pieces.push(piece),
            }
        }
        pieces
    }

    #[test]
    fn a_marker_consumes_no_data() {
        let pieces = Frames::new(NONCE).push(b"a\n@00ff00ff 3 E 1 0\n\nb@");
        let marker = Marker {
            request: 3,
            kind: b'E',
            numbers: vec![1, 0],
        };
        assert_eq!(
            pieces,
            [
                Piece::Data(b"a\n".to_vec()),
                Piece::Marker(marker),
                Piece::Data(b"\nb".to_vec())
            ]
        );
    }

    #[test]
    fn text_that_only_resembles_a_marker_is_data() {
        for text in [
            "@00ff00ff x E 1 0\n.",
            "@00ff00fe 1 E 1 0\n.",
            "@00ff00ff 1 EE 1\n.",
            "@00ff00ff 1 E -\n.",
            "@@00ff00f ",
        ] {
            let mut frames = Frames::new(NONCE);
            assert_eq!(
                all(&mut frames, &[text.as_bytes()]),
                [Piece::Data(text.into())],
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_endless_marker_is_data() {
        let mut frames = Frames::new(NONCE);
        let mut text = b"@00ff00ff ".to_vec();
        text.resize(MAX_MARKER + 1, b'x');
        assert_eq!(all(&mut frames, &[&text]), [Piece::Data(text)]);
    }

    fn part() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            Just(b"@@\n".to_vec()),
            Just(b"@00ff00ff".to_vec()),
            Just(b"@00ff00ff 1".to_vec()),
            Just(b"@00ff00ff 1 S 0\n".to_vec()),
            Just(b"@00ff00ff 12 E 7 255\n".to_vec()),
        ]
    }

    proptest! {
        #![proptest_config(crate::generation::config(256, file!()))]

        #[test]
        fn splits_do_not_matter(
            parts in proptest::collection::vec(part(), 0..20),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
        ) {
            let bytes = parts.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let (mut whole, mut split) = (Frames::new(NONCE), Frames::new(NONCE));
            let pieces = all(&mut whole, &[&bytes]);
            prop_assert_eq!(&pieces, &all(&mut split, &chunks));
            let rest = whole.rest();
            prop_assert_eq!(&rest, &split.rest());
            // Nothing is lost: with the markers written out again, the text is complete.
            let mut again = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Data(data) => again.extend(data),
                    Piece::Marker(marker) => {
                        again.extend(format!("@00ff00ff {} {}", marker.request, marker.kind as char).bytes());
                        let numbers = marker.numbers.iter();
                        again.extend(numbers.flat_map(|number| format!(" {number}").into_bytes()));
                        again.push(b'\n');
                    }
                }
            }
            again.extend(rest);
            prop_assert_eq!(again, bytes);
        }
    }
}
