//! The options of a session.

use std::time::Duration;

use crate::model::Elevation;

/// How a session is started, and its time limits.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The user to become before anything else.
    pub elevation: Option<Elevation>,
    /// `ops_state_dir`; chosen on the host if `None`.
    pub state_dir: Option<String>,
    /// For the login to start a shell, and the same again for sudo. Default: 30 s.
    pub hello_timeout: Duration,
    /// For a step (or the probe) without its own timeout. Default: one hour.
    pub timeout: Duration,
    /// Between TERM and KILL, after a timeout or a cancel. Default: 2 s.
    pub grace: Duration,
    /// A host that has not answered for this long is lost. Default: 30 s.
    pub silence: Duration,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            elevation: None,
            state_dir: None,
            hello_timeout: Duration::from_secs(30),
            timeout: Duration::from_hours(1),
            grace: Duration::from_secs(2),
            silence: Duration::from_secs(30),
        }
    }
}
