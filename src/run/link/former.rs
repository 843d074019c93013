//! Lost sessions, and what they may have left running on the host.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::model::LogLevel;
use crate::run::context::Run;
use crate::shell::{Former, Session};

use super::{Key, Lane, Link, lock};

impl Link {
    /// Ends what lost sessions may have left running before anything else is sent.
    pub(super) async fn end_former(&self, run: &Run, user: Option<&str>, session: &Arc<Session>) {
        if lock(&self.former).is_empty() {
            return;
        }
        let _turn = self.ending.lock().await;
        loop {
            let Some(next) = lock(&self.former).last().cloned() else {
                return;
            };
            let (owner, one) = &next;
            let why = match one.end() {
                None => Some("the host had not sent its process id".to_owned()),
                Some(end) => {
                    let session = match owner.as_deref() {
                        owner if owner == user => Ok(Arc::clone(session)),
                        owner => self.open(run, owner).await,
                    };
                    match session {
                        // Lost again: the next session has to end this one, too.
                        Ok(session) => {
                            match session.request(end, &(), &CancellationToken::new()).await {
                                Ok(reply) => Former::lives(&reply),
                                Err(_) => return,
                            }
                        }
                        Err(_) => Some("a shell of its user could not be opened again".to_owned()),
                    }
                }
            };
            if let Some(why) = why {
                let message = format!(
                    "what was running when the connection was lost may still be running: {why}"
                );
                run.log(LogLevel::Warn, Some(&self.host.name), message);
            }
            lock(&self.former).retain(|other| *other != next);
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
            .filter_map(|((user, _), session)| Some((user, session.former()?.clone())))
            .collect();
        lock(&self.former).extend(over);
    }
}
