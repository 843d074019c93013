//! What the connection's task reports to the rest of the client.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::inbox::{Inbox, Inboxes, ROOM, SHARED_ROOM, Which};

/// How long a reader may be behind before its connection is considered stalled.
const STALL_AFTER: Duration = Duration::from_millis(250);

/// Maximum length of a banner that is kept, in bytes.
const MAX_BANNER: usize = 1024;

/// The state of a connection, as reported by its task.
#[derive(Debug, Default)]
pub(super) struct News {
    pub inboxes: Inboxes,
    texts: Mutex<Texts>,
    /// Whether a reader is behind and blocks all other reading.
    stalled: watch::Sender<bool>,
    /// Why the last channel was refused.
    refusal: watch::Sender<Option<String>>,
    /// True once the connection has ended.
    over: watch::Sender<bool>,
}

/// Messages of the server.
#[derive(Debug, Default)]
struct Texts {
    banner: String,
    /// Why the connection ended, in a few words.
    end: Option<String>,
}

impl News {
    /// Passes data to the reader of a channel, and waits while that reader is behind.
    pub(crate) async fn take(&self, inbox: &Inbox, which: Which, data: &[u8]) {
        let room = if self.inboxes.are_shared() {
            SHARED_ROOM
        } else {
            ROOM
        };
        if inbox.has_room(which, room) {
            inbox.push(which, data, room).await;
            return;
        }
        self.stalled.send_replace(true);
        inbox.push(which, data, room).await;
        self.stalled.send_replace(false);
    }

    /// Waits until nothing has been read for a while because a reader is behind.
    pub(crate) async fn stalled(&self) {
        let mut stalled = self.stalled.subscribe();
        loop {
            // The sender lives as long as `self`.
            let _ = stalled.wait_for(|stalled| *stalled).await;
            let resumed = stalled.wait_for(|stalled| !*stalled);
            if tokio::time::timeout(STALL_AFTER, resumed).await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn add_to_banner(&self, text: &str) {
        let banner = &mut self.texts().banner;
        if banner.len() < MAX_BANNER {
            banner.extend(text.chars().take(MAX_BANNER));
        }
    }

    pub(crate) fn set_refusal(&self, why: &str) {
        self.refusal.send_replace(Some(why.to_owned()));
    }

    /// Sets why the connection ended. Only the first reason is kept.
    pub(crate) fn set_end(&self, why: String) {
        self.texts().end.get_or_insert(why);
    }

    pub(crate) fn set_over(&self) {
        self.inboxes.end();
        self.over.send_replace(true);
    }

    /// The text that the server sent before the login.
    pub(crate) fn banner(&self) -> String {
        self.texts().banner.trim().to_owned()
    }

    pub(crate) fn end(&self) -> Option<String> {
        self.texts().end.clone()
    }

    /// Why the server refused a channel. The reason arrives shortly after the refusal.
    pub(crate) async fn refusal(&self) -> Option<String> {
        let mut refusal = self.refusal.subscribe();
        let heard = refusal.wait_for(Option::is_some);
        match tokio::time::timeout(Duration::from_millis(100), heard).await {
            Ok(Ok(refusal)) => refusal.clone(),
            _ => None,
        }
    }

    /// Waits until the connection has ended.
    pub(crate) async fn over(&self) {
        // The sender lives as long as `self`.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    /// The message for a stream that ended: why the connection ended, or which signal killed its program.
    pub(crate) fn epitaph(&self, inbox: &Inbox) -> Option<String> {
        self.end().or_else(|| {
            let signal = inbox.signal()?;
            Some(format!("the shell was killed by SIG{signal}"))
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    fn texts(&self) -> MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
