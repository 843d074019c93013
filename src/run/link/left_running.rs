//! Lost sessions, and what they may have left running on the host.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::model::{Emission, Kind, LogLevel};
use crate::shell::{RemoteLoop, Session};

use super::{Key, Lane, Link, lock};

impl Link {
    /// Ends what lost sessions may have left running, before anything else is sent.
    pub(super) async fn end_left_running(&self, user: Option<&str>, session: &Arc<Session>) {
        if lock(&self.left_running).is_empty() {
            return;
        }
        let _turn = self.ending.lock().await;
        loop {
            let Some(next) = lock(&self.left_running).last().cloned() else {
                return;
            };
            let (owner, one) = &next;
            let why = match one.end() {
                None => Some("the host had not sent its process id".to_owned()),
                Some(end) => {
                    let session = match owner.as_deref() {
                        owner if owner == user => Ok(Arc::clone(session)),
                        owner => self.open(owner).await,
                    };
                    match session {
                        // Lost again: the next session has to end this one too.
                        Ok(session) => {
                            match session.request(end, &(), &CancellationToken::new()).await {
                                Ok(reply) => RemoteLoop::why_alive(&reply),
                                Err(_) => return,
                            }
                        }
                        Err(_) => Some("a shell for its user could not be opened again".to_owned()),
                    }
                }
            };
            if let Some(why) = why {
                let message = format!(
                    "what was running when the connection was lost may still be running: {why}"
                );
                let level = LogLevel::Warn;
                let warning = Emission::new(Kind::Log { level, message });
                self.bus.emit(warning.host(&self.host.name));
            }
            lock(&self.left_running).retain(|other| *other != next);
        }
    }

    /// Removes sessions that have ended, and notes what they may have left running.
    pub(super) fn bury(&self, sessions: &mut HashMap<Key, Arc<Session>>) {
        if !sessions.values().any(|session| session.is_over()) {
            return;
        }
        let over: Vec<_> = sessions
            .extract_if(|_, session| session.is_over())
            .filter(|((_, lane), _)| *lane == Lane::Work)
            .filter_map(|((user, _), session)| Some((user, session.left_running()?.clone())))
            .collect();
        lock(&self.left_running).extend(over);
    }
}
