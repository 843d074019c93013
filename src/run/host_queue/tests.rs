//! Hosts that answer begin in order, and no host is contacted that would not be contacted anyway.

use std::sync::atomic::{AtomicUsize, Ordering};

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Semaphore;

use super::*;
use crate::shell::Stream;
use crate::transport::{FailedAttempt, Transport, TransportError};

/// Hosts that answer, and some that do so only when the test lets them.
struct Network {
    silent: Vec<usize>,
    released: Semaphore,
    contacted: AtomicUsize,
}

struct Wire {
    number: usize,
    network: Arc<Network>,
}

impl Transport for Wire {
    fn open_watched<'a>(
        &'a self,
        _: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>> {
        Box::pin(async move {
            self.network.contacted.fetch_add(1, Ordering::SeqCst);
            if self.network.silent.contains(&self.number) {
                self.network.released.acquire().await.unwrap().forget();
            }
            Ok(Stream {
                stdin: Box::new(tokio::io::sink()),
                // Prints nothing, and does not end.
                stdout: Box::new(Silence),
                stderr: Box::new(tokio::io::empty()),
                guard: Box::new(()),
            })
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        "a test's".into()
    }
}

struct Silence;

impl AsyncRead for Silence {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

struct Hosts {
    runtime: tokio::runtime::Runtime,
    network: Arc<Network>,
    links: Vec<Arc<Link>>,
}

impl Hosts {
    fn new(count: usize, silent: &[usize]) -> Self {
        let network = Arc::new(Network {
            silent: silent.to_vec(),
            released: Semaphore::new(0),
            contacted: AtomicUsize::new(0),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let link = |number: usize| {
            let network = Arc::clone(&network);
            let wire = Arc::new(Wire { number, network });
            Arc::new(Link::over(
                &format!("h{number}"),
                wire,
                runtime.handle().clone(),
            ))
        };
        let links = (0..count).map(link).collect();
        Self {
            runtime,
            network,
            links,
        }
    }

    fn queue(&self, forks: usize) -> HostQueue {
        let (handle, cancel) = (self.runtime.handle().clone(), CancellationToken::new());
        HostQueue::new(handle, self.links.iter().cloned().map(Some), forks, cancel)
    }

    /// What a closure that uses its host does.
    fn wait_for(&self, number: usize) {
        self.links[number].is_used();
        if let Some(ahead) = self.links[number].take_ahead() {
            let stream = self.runtime.block_on(ahead.stream(|_, _| {}));
            assert!(stream.is_some_and(|stream| stream.is_ok()));
        }
    }

    fn contacted(&self) -> usize {
        self.network.contacted.load(Ordering::SeqCst)
    }

    fn numbers(&self) -> Vec<usize> {
        (0..self.links.len()).collect()
    }
}

#[test]
fn all_other_hosts_begin_before_a_silent_one() {
    let silent = [1, 2, 5, 17];
    let hosts = Hosts::new(40, &silent);
    let begun = Mutex::new(Vec::new());
    let results = hosts
        .queue(2)
        .all_used()
        .fan_out(&hosts.numbers(), |number| {
            let count = {
                let mut begun = begun.lock().unwrap();
                begun.push(*number);
                begun.len()
            };
            if count == 40 - silent.len() {
                hosts.network.released.add_permits(silent.len());
            }
            hosts.wait_for(*number);
            *number
        });
    assert_eq!(
        results,
        hosts.numbers().into_iter().map(Some).collect::<Vec<_>>()
    );
    let begun = begun.into_inner().unwrap();
    let (answered, late) = begun.split_at(40 - silent.len());
    assert!(
        answered.iter().all(|number| !silent.contains(number)),
        "{begun:?}"
    );
    assert_eq!(late.len(), silent.len());
}

#[test]
fn connects_to_the_next_hosts_once_a_host_was_used() {
    let hosts = Hosts::new(12, &[]);
    let queue = hosts.queue(2);
    let first = AtomicUsize::new(0);
    queue.fan_out(&hosts.numbers(), |number| {
        if first.fetch_add(1, Ordering::SeqCst) == 0 {
            assert_eq!(hosts.contacted(), 0);
            hosts.links[*number].is_used();
            // All that come next with two at a time: eight hosts.
            while hosts.contacted() < 8 {
                std::thread::yield_now();
            }
        }
        hosts.links[*number].is_used();
    });
    // The last connections may still be about to begin.
    let began = std::time::Instant::now();
    while hosts.contacted() < 10 {
        assert!(began.elapsed().as_secs() < 30, "{}", hosts.contacted());
        std::thread::yield_now();
    }
}

#[test]
fn does_not_contact_hosts_that_no_closure_uses() {
    let hosts = Hosts::new(20, &[]);
    hosts.queue(3).fan_out(&hosts.numbers(), |_| {});
    assert_eq!(hosts.contacted(), 0);
}

#[test]
fn stops_connecting_after_a_closure_that_does_not_use_its_host() {
    let hosts = Hosts::new(200, &[]);
    let queue = hosts.queue(2);
    let begun = AtomicUsize::new(0);
    queue.fan_out(&hosts.numbers(), |number| {
        // One closure uses its host, and no other does.
        if begun.fetch_add(1, Ordering::SeqCst) == 0 {
            hosts.links[*number].is_used();
        }
    });
    // As many as were connected before this was known.
    assert!(
        hosts.contacted() <= 2 * AHEAD_PER_FORK + 2,
        "{}",
        hosts.contacted()
    );
}

#[test]
fn runs_sequentially_with_one_at_a_time() {
    let hosts = Hosts::new(10, &[]);
    let begun = Mutex::new(Vec::new());
    let queue = hosts.queue(1).all_used();
    queue.fan_out(&hosts.numbers(), |number| {
        hosts.links[*number].is_used();
        begun.lock().unwrap().push(*number);
    });
    assert_eq!(begun.into_inner().unwrap(), hosts.numbers());
    assert_eq!(hosts.contacted(), 0, "no stream was requested");
}

#[test]
fn a_cancelled_run_waits_for_no_host() {
    let hosts = Hosts::new(10, &(0..10).collect::<Vec<_>>());
    let cancel = CancellationToken::new();
    let queue = HostQueue::new(
        hosts.runtime.handle().clone(),
        hosts.links.iter().cloned().map(Some),
        2,
        cancel.clone(),
    )
    .all_used();
    let begun = queue.fan_out(&hosts.numbers(), |_| cancel.cancel());
    assert!(begun.iter().all(Option::is_some));
}
