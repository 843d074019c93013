//! The read buffer of a session.

/// A buffer for one read at a time. A session is idle most of its life, and there may be thousands: the
/// buffer starts small, and grows while reads fill it.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    full: bool,
}

impl Buffer {
    const SIZES: (usize, usize) = (1 << 10, 64 << 10);

    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; Self::SIZES.0],
            full: false,
        }
    }

    /// The space to read into.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if std::mem::take(&mut self.full) && self.bytes.len() < Self::SIZES.1 {
            self.bytes.resize(self.bytes.len() * 4, 0);
        }
        &mut self.bytes
    }

    /// The bytes that were read.
    pub(crate) fn filled(&mut self, count: usize) -> &[u8] {
        self.full = count == self.bytes.len();
        &self.bytes[..count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_only_while_reads_fill_it() {
        let mut buffer = Buffer::new();
        let smallest = buffer.space().len();
        buffer.filled(smallest - 1);
        assert_eq!(buffer.space().len(), smallest);
        for _ in 0..10 {
            let room = buffer.space().len();
            assert_eq!(buffer.filled(room).len(), room);
        }
        assert_eq!(buffer.space().len(), 64 << 10);
    }
}
