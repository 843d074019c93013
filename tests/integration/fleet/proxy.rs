//! A TCP proxy that adds latency as a long wire does: every chunk arrives later, none waits for another, and
//! nothing is lost of the throughput. It counts how often the two sides took turns.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a chunk is on its way.
#[derive(Debug, Clone, Copy)]
pub struct Delay(pub Duration);

impl Delay {
    /// Half of the round trip each way.
    pub fn round_trip(time: Duration) -> Self {
        Self(time / 2)
    }
}

/// What went over the wire.
#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    turns: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    /// Nothing gets through any more.
    swallows: AtomicBool,
    /// Of connections up to this one nothing gets through any more, their end neither.
    silent: AtomicU64,
    over: AtomicBool,
}

/// Listens on a loopback address, forwards to another. Ends with the value.
#[derive(Debug)]
pub struct DelayProxy {
    listening: SocketAddr,
    counts: Arc<Counts>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    closing: Arc<AtomicBool>,
}

impl DelayProxy {
    /// Forwards what comes to a port of its own at `address` to `target`.
    pub fn start(address: Ipv4Addr, target: SocketAddr, delay: Delay) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a loopback address");
        let listening = listener
            .local_addr()
            .expect("a bound socket has an address");
        let proxy = Self {
            listening,
            counts: Arc::default(),
            open: Arc::default(),
            closing: Arc::default(),
        };
        let (counts, open, closing) = (
            Arc::clone(&proxy.counts),
            Arc::clone(&proxy.open),
            Arc::clone(&proxy.closing),
        );
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if closing.load(Ordering::Relaxed) {
                    break;
                }
                let number = counts.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let (counts, open) = (Arc::clone(&counts), Arc::clone(&open));
                std::thread::spawn(move || {
                    forward(&client, target, delay.0, number, &counts, &open);
                });
            }
        });
        proxy
    }

    pub const fn address(&self) -> SocketAddr {
        self.listening
    }

    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How often the server answered after the client had spoken, over all connections: an upper bound of the
    /// round trips that the client waited for. It counts right when the delay is longer than either side
    /// takes to write an answer down. How an SSH connection opens is left out: both sides speak at once
    /// there, and who is first is chance.
    pub fn turns(&self) -> u64 {
        self.counts.turns.load(Ordering::Relaxed)
    }

    /// Bytes from the client to the server, and back.
    pub fn bytes(&self) -> (u64, u64) {
        (
            self.counts.sent.load(Ordering::Relaxed),
            self.counts.received.load(Ordering::Relaxed),
        )
    }

    /// From now on nothing gets through, either way, and nobody is told: a firewall that has forgotten the
    /// connection.
    pub fn swallow(&self) {
        self.counts.swallows.store(true, Ordering::SeqCst);
    }

    /// From now on nothing gets through on the connections that there are, and neither side learns that the
    /// other has gone. New ones are as before.
    pub fn silence(&self) {
        let number = self.counts.connections.load(Ordering::SeqCst);
        self.counts.silent.store(number, Ordering::SeqCst);
    }

    /// Cuts every connection, as a cable that is pulled and noticed at once.
    pub fn cut(&self) {
        for stream in self
            .open
            .lock()
            .expect("no thread panics with the list in hand")
            .drain(..)
        {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.counts.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.listening);
        self.cut();
    }
}

fn forward(
    client: &TcpStream,
    target: SocketAddr,
    delay: Duration,
    number: u64,
    counts: &Arc<Counts>,
    open: &Mutex<Vec<TcpStream>>,
) {
    let accepted = Instant::now();
    // The first packet of the TCP handshake is on its way too.
    std::thread::sleep(delay);
    let Ok(server) = TcpStream::connect(target) else {
        let _ = client.shutdown(Shutdown::Both);
        return;
    };
    for stream in [client, &server] {
        let _ = stream.set_nodelay(true);
        open.lock()
            .expect("no thread panics with the list in hand")
            .extend(stream.try_clone());
    }
    // Whether the client was the last to speak. Told when a chunk is read, which is when it was sent.
    let client_spoke = Arc::new(AtomicBool::new(false));
    // A client may speak when the handshake has come back to it; this proxy let it speak at once.
    let back = accepted + 2 * delay;
    let upward = {
        let (counts, spoke) = (Arc::clone(counts), Arc::clone(&client_spoke));
        let wire = Arc::clone(&counts);
        let mut opening = Opening::default();
        pump(
            client,
            &server,
            delay,
            Some(back),
            (wire, number),
            move |chunk| {
                counts.sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                if opening.is_over_after(chunk) {
                    spoke.store(true, Ordering::SeqCst);
                }
            },
        )
    };
    let counts = Arc::clone(counts);
    let wire = Arc::clone(&counts);
    let downward = pump(&server, client, delay, None, (wire, number), move |chunk| {
        counts
            .received
            .fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if client_spoke.swap(false, Ordering::SeqCst) {
            counts.turns.fetch_add(1, Ordering::Relaxed);
        }
    });
    for thread in upward.into_iter().chain(downward) {
        let _ = thread.join();
    }
}

/// What a client says before it has heard of the server: its version and its first packet, which says what it
/// can do (RFC 4253, 4.2 and 7.1). Of what is no SSH, nothing.
#[derive(Debug, Default)]
struct Opening {
    said: Vec<u8>,
    is_over: bool,
}

impl Opening {
    /// Whether the client has said more than that when it has said this too.
    fn is_over_after(&mut self, chunk: &[u8]) -> bool {
        if !self.is_over {
            self.said.extend_from_slice(chunk);
            self.is_over = self.length().is_some_and(|length| self.said.len() > length);
        }
        self.is_over
    }

    /// How long it is, as soon as it tells.
    fn length(&self) -> Option<usize> {
        const PROTOCOL: &[u8] = b"SSH-";
        if !self
            .said
            .starts_with(&PROTOCOL[..PROTOCOL.len().min(self.said.len())])
        {
            return Some(0);
        }
        let version = self.said.iter().position(|&byte| byte == b'\n')? + 1;
        let packet = self.said.get(version..version + 4)?;
        let packet = u32::from_be_bytes(packet.try_into().expect("four bytes"));
        Some(version + 4 + usize::try_from(packet).expect("a packet is short"))
    }
}

/// Moves what comes from `from` to `to`, each chunk `delay` after it came (or after `earliest`).
fn pump(
    from: &TcpStream,
    to: &TcpStream,
    delay: Duration,
    earliest: Option<Instant>,
    (wire, number): (Arc<Counts>, u64),
    mut seen: impl FnMut(&[u8]) + Send + 'static,
) -> Option<std::thread::JoinHandle<()>> {
    let (mut from, mut to) = (from.try_clone().ok()?, to.try_clone().ok()?);
    let (queue, waiting) = mpsc::channel::<(Instant, Vec<u8>)>();
    let writer = std::thread::spawn(move || {
        while let Ok((due, chunk)) = waiting.recv() {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            // An empty chunk is the end of the stream: it travels as long as the rest.
            if chunk.is_empty() || to.write_all(&chunk).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            let now = Instant::now();
            if number <= wire.silent.load(Ordering::SeqCst) {
                while read == 0 && !wire.over.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                if read == 0 {
                    break;
                }
                continue;
            }
            if wire.swallows.load(Ordering::SeqCst) && read > 0 {
                continue;
            }
            if read > 0 {
                seen(&buffer[..read]);
            }
            let due = earliest.map_or(now, |earliest| earliest.max(now)) + delay;
            if queue.send((due, buffer[..read].to_vec())).is_err() || read == 0 {
                break;
            }
        }
    });
    Some(writer)
}
