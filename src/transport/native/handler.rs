//! What the server says unasked: who it is, what it prints before a login, what comes in on channels, and its last words.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use russh::client::{self, ChannelOpenHandle, DisconnectReason, Msg, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelId, ChannelOpenFailure, Sig};
use tokio::sync::watch;

use crate::transport::TransportError;

use super::host_key::HostKeys;
use super::inbox::{Exit, Inbox, Inboxes, ROOM, SHARED_ROOM, Which};

/// What an attempt or a connection ended with.
#[derive(Debug)]
pub(super) enum Ended {
    Ssh(russh::Error),
    /// Decided here: the host's key was refused.
    Refused(TransportError),
}

impl From<russh::Error> for Ended {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// So long a reader may be behind before a connection counts as standing still.
const STALL: Duration = Duration::from_millis(250);

/// The most of a banner that is kept.
const BANNER: usize = 1024;

/// What is known of a connection from its task.
#[derive(Debug, Default)]
pub(super) struct News {
    pub inboxes: Inboxes,
    said: Mutex<Said>,
    /// A reader is behind, and nothing else is read meanwhile.
    stalled: watch::Sender<bool>,
    /// Why the last channel was not granted.
    refusal: watch::Sender<Option<String>>,
    /// True once the connection is no more.
    over: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Said {
    banner: String,
    /// Why the connection ended, in a few words.
    end: Option<String>,
}

impl News {
    async fn take(&self, inbox: &Inbox, which: Which, data: &[u8]) {
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
    pub async fn stalled(&self) {
        let mut stalled = self.stalled.subscribe();
        loop {
            // The sender is here.
            let _ = stalled.wait_for(|stalled| *stalled).await;
            let resumed = stalled.wait_for(|stalled| !*stalled);
            if tokio::time::timeout(STALL, resumed).await.is_err() {
                return;
            }
        }
    }

    /// What the server printed before the login.
    pub fn banner(&self) -> String {
        self.said().banner.trim().to_owned()
    }

    pub fn end(&self) -> Option<String> {
        self.said().end.clone()
    }

    /// Why the server granted no channel. It is heard a moment after that it did not.
    pub async fn refusal(&self) -> Option<String> {
        let mut refusal = self.refusal.subscribe();
        let heard = refusal.wait_for(Option::is_some);
        match tokio::time::timeout(Duration::from_millis(100), heard).await {
            Ok(Ok(refusal)) => refusal.clone(),
            _ => None,
        }
    }

    /// Waits until the connection is no more.
    pub async fn over(&self) {
        // The sender is here.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    pub fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Handler {
    pub news: Arc<News>,
    pub host_keys: HostKeys,
    /// `None` behind a jump host.
    pub peer: Option<SocketAddr>,
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.news.inboxes.end();
        self.news.over.send_replace(true);
    }
}

impl client::Handler for Handler {
    type Error = Ended;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Ended> {
        self.host_keys
            .check(key, self.peer)
            .await
            .map(|()| true)
            .map_err(Ended::Refused)
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), Ended> {
        let said = &mut self.news.said().banner;
        if said.len() < BANNER {
            said.extend(banner.chars().take(BANNER));
        }
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        channel: ChannelId,
        _: u32,
        _: u32,
        _: &mut Session,
    ) -> Result<(), Ended> {
        self.news.inboxes.open(channel);
        Ok(())
    }

    async fn channel_open_failure(
        &mut self,
        _: ChannelId,
        reason: ChannelOpenFailure,
        description: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), Ended> {
        tracing::debug!(?reason, description, "the server grants no channel");
        self.news.refusal.send_replace(Some(description.to_owned()));
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Ended> {
        if let Some(inbox) = self.news.inboxes.get(channel) {
            self.news.take(&inbox, Which::Stdout, data).await;
        }
        Ok(())
    }

    async fn extended_data(
        &mut self,
        channel: ChannelId,
        kind: u32,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Ended> {
        // 1 is SSH_EXTENDED_DATA_STDERR, the only kind there is (RFC 4254, 5.2).
        if let (1, Some(inbox)) = (kind, self.news.inboxes.get(channel)) {
            self.news.take(&inbox, Which::Stderr, data).await;
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Ended> {
        if let Some(inbox) = self.news.inboxes.get(channel) {
            inbox.end();
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Ended> {
        if let Some(inbox) = self.news.inboxes.get(channel) {
            inbox.close();
        }
        Ok(())
    }

    async fn exit_status(
        &mut self,
        channel: ChannelId,
        code: u32,
        _: &mut Session,
    ) -> Result<(), Ended> {
        if let Some(inbox) = self.news.inboxes.get(channel) {
            inbox.exited(Exit::Code(code));
        }
        Ok(())
    }

    async fn exit_signal(
        &mut self,
        channel: ChannelId,
        signal: Sig,
        _: bool,
        _: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), Ended> {
        if let Some(inbox) = self.news.inboxes.get(channel) {
            inbox.exited(Exit::Signal(format!("{signal:?}")));
        }
        Ok(())
    }

    // Nothing was forwarded, so there is nothing for a server to open. Dropping the reply refuses the channel.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Ended>) -> Result<(), Ended> {
        let words = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => info.message.trim().to_owned(),
            DisconnectReason::Error(Ended::Ssh(error)) => super::diagnosis::words(error),
            DisconnectReason::Error(Ended::Refused(error)) => error.message.clone(),
        };
        tracing::debug!(words, "disconnected");
        self.news.said().end.get_or_insert(words);
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
