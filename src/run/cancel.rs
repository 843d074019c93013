//! Ctrl-C and SIGTERM.
//!
//! The first signal asks the run to stop: what runs on hosts is killed; `finally` and `on_failure` still
//! run, shielded from it. The second one cuts those short too. The third one exits even if that hangs.
//!
//! Signals within a quarter of a second count as one request: `timeout` and supervisors signal both the
//! process and its group.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Signals within this time of each other count as one.
const TOGETHER: Duration = Duration::from_millis(250);

/// The two levels of cancellation.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    /// Stops the work.
    pub work: CancellationToken,
    /// Stops the clean-up, too.
    pub cleanup: CancellationToken,
}

impl Cancel {
    /// Cancels on SIGINT, SIGTERM and SIGHUP, from now until the runtime ends.
    ///
    /// # Errors
    /// The signal handlers cannot be installed.
    pub fn on_signals(&self, runtime: &tokio::runtime::Handle) -> std::io::Result<()> {
        let _inside = runtime.enter();
        let mut signals = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ];
        let cancel = self.clone();
        runtime.spawn(async move {
            any(&mut signals).await;
            cancel.work.cancel();
            next(&mut signals).await;
            cancel.cleanup.cancel();
            next(&mut signals).await;
            std::process::exit(130);
        });
        Ok(())
    }
}

/// Returns at the next signal that is a separate request.
async fn next(signals: &mut [Signal; 3]) {
    let _same = tokio::time::timeout(TOGETHER, async {
        loop {
            any(signals).await;
        }
    })
    .await;
    any(signals).await;
}

async fn any([a, b, c]: &mut [Signal; 3]) {
    tokio::select! {
        _ = a.recv() => {},
        _ = b.recv() => {},
        _ = c.recv() => {},
    }
}
