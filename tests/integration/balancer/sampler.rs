//! Repeatedly counts servers that accept requests, while a test does something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The time between two counts.
const INTERVAL: Duration = Duration::from_millis(20);

/// Counts until it is stopped.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Samples>,
}

/// The counts.
#[derive(Debug)]
pub(crate) struct Samples {
    pub least: usize,
    pub most: usize,
    pub count: usize,
    /// The longest gap between two counts: on a busy machine, the sampler is delayed as well.
    pub longest_gap: Duration,
}

impl Sampler {
    pub(crate) fn start(count: impl Fn() -> usize + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut last = Instant::now();
            let first = count();
            let mut samples = Samples {
                least: first,
                most: first,
                count: 1,
                longest_gap: Duration::ZERO,
            };
            while !told.load(Ordering::Relaxed) {
                std::thread::sleep(INTERVAL);
                let counted = count();
                samples.least = samples.least.min(counted);
                samples.most = samples.most.max(counted);
                samples.count += 1;
                samples.longest_gap = samples.longest_gap.max(last.elapsed());
                last = Instant::now();
            }
            samples
        });
        Self { stop, thread }
    }

    pub(crate) fn finish(self) -> Samples {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the sampler does not panic")
    }
}
