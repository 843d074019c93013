//! Events about connections.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Piece, View};
use crate::model::{Event, HostFacts, Kind};
use crate::report::quantity::duration;
use crate::report::style::DIM;

/// How long ops tries to connect before it reports the attempts.
const PATIENCE: Duration = Duration::from_secs(1);

impl View {
    pub(super) fn connection(&mut self, event: &Event) -> Vec<Piece> {
        match &event.kind {
            Kind::HostConnecting {
                attempt, reason, ..
            } => self.tries(event, *attempt, reason.as_deref()),
            Kind::HostConnected { facts } => {
                let host = event.host.as_deref().unwrap_or_default();
                self.connecting.remove(host);
                if self.settings.verbose == 0 {
                    return Vec::new();
                }
                self.line("connected", DIM, event, &about(facts))
            }
            _ => Vec::new(),
        }
    }

    /// An attempt to connect is shown, with the reason, once connecting has taken a while.
    fn tries(&mut self, event: &Event, attempt: u32, reason: Option<&str>) -> Vec<Piece> {
        let host = event.host.as_deref().unwrap_or_default();
        if attempt <= 1 {
            self.connecting.insert(host.to_owned(), event.ts);
            return Vec::new();
        }
        let since = self.connecting.get(host);
        let since =
            since.and_then(|since| Duration::try_from(event.ts.duration_since(*since)).ok());
        let tried = since.unwrap_or_default();
        if tried < PATIENCE && self.settings.verbose == 0 {
            return Vec::new();
        }
        let mut text = format!("attempt {attempt}, after {}", duration(tried));
        if let Some(reason) = reason.and_then(|reason| reason.lines().next()) {
            let _ = write!(text, ": {reason}");
        }
        self.line("connecting", DIM, event, &text)
    }
}

fn about(facts: &HostFacts) -> String {
    let parts = [
        facts.os_name.as_str(),
        facts.architecture.as_str(),
        facts.init.as_str(),
    ];
    let mut text = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    if !facts.user.is_empty() {
        let _ = write!(text, " as {}", facts.user);
    }
    text
}
