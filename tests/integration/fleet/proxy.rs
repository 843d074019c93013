//! A TCP proxy that adds latency as a long wire does: every chunk arrives later, none waits for another, and
//! nothing is lost of the throughput. It counts the round trips that are waited for.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a chunk is on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delay(pub Duration);

impl Delay {
    /// Half of the round trip each way.
    pub(crate) fn round_trip(time: Duration) -> Self {
        Self(time / 2)
    }
}

/// What went over the wire.
#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    round_trips: AtomicU64,
    /// Chunks that are on their way.
    under_way: AtomicU64,
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
pub(crate) struct DelayProxy {
    listening: SocketAddr,
    counts: Arc<Counts>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    closing: Arc<AtomicBool>,
}

impl DelayProxy {
    /// Forwards what comes to a port of its own at `address` to `target`.
    pub(crate) fn start(address: Ipv4Addr, target: SocketAddr, delay: Delay) -> Self {
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

    pub(crate) const fn address(&self) -> SocketAddr {
        self.listening
    }

    pub(crate) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many round trips the clients waited for, over all connections: the longest chain of chunks, alternately
    /// from the client and the server, each of which was sent after the one before had arrived. When things happen
    /// within the time of a round trip makes no difference, so a busy machine counts right as long as neither side
    /// sends half of what it has to say a whole round trip late. The handshake of TCP is not counted.
    pub(crate) fn round_trips(&self) -> u64 {
        self.counts.round_trips.load(Ordering::SeqCst)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.counts.under_way.load(Ordering::SeqCst) == 0
    }

    /// Bytes from the client to the server, and back.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (
            self.counts.sent.load(Ordering::Relaxed),
            self.counts.received.load(Ordering::Relaxed),
        )
    }

    /// From now on nothing gets through, either way, and nobody is told: a firewall that has forgotten the
    /// connection.
    pub(crate) fn swallow(&self) {
        self.counts.swallows.store(true, Ordering::SeqCst);
    }

    /// From now on nothing gets through on the connections that there are, and neither side learns that the
    /// other has gone. New ones are as before.
    pub(crate) fn silence(&self) {
        let number = self.counts.connections.load(Ordering::SeqCst);
        self.counts.silent.store(number, Ordering::SeqCst);
    }

    /// Cuts every connection, as a cable that is pulled and noticed at once.
    pub(crate) fn cut(&self) {
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
    // How many round trips the client had waited for when it sent the latest chunk that has reached the server,
    // counting the one that the chunk begins; and in how many the latest chunk ended that has reached the client.
    let (asked, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    // A client may speak when the handshake has come back to it; this proxy let it speak at once.
    let back = accepted + 2 * delay;
    let upward = {
        let (asked, answered) = (Arc::clone(&asked), Arc::clone(&answered));
        let (counts, wire) = (Arc::clone(counts), Arc::clone(counts));
        pump(
            client,
            &server,
            delay,
            Some(back),
            (wire, number),
            move |chunk| {
                counts.sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                answered.load(Ordering::SeqCst) + 1
            },
            move |trip| {
                asked.fetch_max(trip, Ordering::SeqCst);
            },
        )
    };
    let (counts, wire) = (Arc::clone(counts), Arc::clone(counts));
    let count = Arc::clone(&counts);
    let downward = pump(
        &server,
        client,
        delay,
        None,
        (wire, number),
        move |chunk| {
            counts
                .received
                .fetch_add(chunk.len() as u64, Ordering::Relaxed);
            asked.load(Ordering::SeqCst)
        },
        move |trip| {
            let before = answered.fetch_max(trip, Ordering::SeqCst);
            count
                .round_trips
                .fetch_add(trip.saturating_sub(before), Ordering::SeqCst);
        },
    );
    for thread in upward.into_iter().chain(downward) {
        let _ = thread.join();
    }
}

/// Moves what comes from `from` to `to`, each chunk `delay` after it came (or after `earliest`). Calls `leaves`
/// when a chunk was sent, and `arrives` with its result just before it is delivered.
fn pump(
    from: &TcpStream,
    to: &TcpStream,
    delay: Duration,
    earliest: Option<Instant>,
    (wire, number): (Arc<Counts>, u64),
    mut leaves: impl FnMut(&[u8]) -> u64 + Send + 'static,
    mut arrives: impl FnMut(u64) + Send + 'static,
) -> Option<std::thread::JoinHandle<()>> {
    let (mut from, mut to) = (from.try_clone().ok()?, to.try_clone().ok()?);
    let (queue, waiting) = mpsc::channel::<(Instant, u64, Vec<u8>)>();
    let counts = Arc::clone(&wire);
    let writer = std::thread::spawn(move || {
        let mut is_open = true;
        while let Ok((due, trip, chunk)) = waiting.recv() {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            arrives(trip);
            // An empty chunk is the end of the stream: it travels as long as the rest.
            is_open = is_open && !chunk.is_empty() && to.write_all(&chunk).is_ok();
            if !is_open {
                let _ = to.shutdown(Shutdown::Write);
            }
            counts.under_way.fetch_sub(1, Ordering::SeqCst);
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
            let trip = if read > 0 { leaves(&buffer[..read]) } else { 0 };
            let due = earliest.map_or(now, |earliest| earliest.max(now)) + delay;
            wire.under_way.fetch_add(1, Ordering::SeqCst);
            if queue.send((due, trip, buffer[..read].to_vec())).is_err() || read == 0 {
                break;
            }
        }
    });
    Some(writer)
}
