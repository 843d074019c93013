//! Handles the server's messages: its host key, its banner, data on channels, and why it disconnects.
//! Everything except the key is passed on to [`News`].

use std::net::SocketAddr;
use std::sync::Arc;

use russh::client::{self, ChannelOpenHandle, DisconnectReason, Msg, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelId, ChannelOpenFailure, Sig};

use super::diagnosis::{self, HandlerError};
use super::host_keys::HostVerifier;
use super::inbox::Which;
use super::news::News;

pub(super) struct Handler {
    pub news: Arc<News>,
    pub host_keys: HostVerifier,
    /// `None` for a host behind a jump host.
    pub peer: Option<SocketAddr>,
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.news.set_over();
    }
}

/// Refuses channels that the server opens: nothing was forwarded, so it has no reason to open one. Dropping
/// the reply refuses the channel, while the default of russh accepts it.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*);)*) => {$(
        async fn $method(
            &mut self,
            _: Channel<Msg>,
            $(_: $argument,)*
            _: ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), HandlerError> {
            Ok(())
        }
    )*};
}

impl client::Handler for Handler {
    type Error = HandlerError;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, HandlerError> {
        self.host_keys
            .check(key, self.peer)
            .await
            .map(|()| true)
            .map_err(HandlerError::Refused)
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), HandlerError> {
        self.news.add_to_banner(banner);
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        channel: ChannelId,
        _: u32,
        _: u32,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
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
    ) -> Result<(), HandlerError> {
        tracing::debug!(?reason, description, "the server refuses to open a channel");
        self.news.set_refusal(description);
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), HandlerError> {
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
    ) -> Result<(), HandlerError> {
        // 1 is SSH_EXTENDED_DATA_STDERR, the only defined kind (RFC 4254, 5.2).
        if let (1, Some(inbox)) = (kind, self.news.inboxes.get(channel)) {
            self.news.take(&inbox, Which::Stderr, data).await;
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        if let Some(inbox) = self.news.inboxes.get(channel) {
            inbox.end();
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        if let Some(inbox) = self.news.inboxes.get(channel) {
            inbox.close();
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
    ) -> Result<(), HandlerError> {
        if let Some(inbox) = self.news.inboxes.get(channel) {
            inbox.ended_by(format!("{signal:?}"));
        }
        Ok(())
    }

    refuse! {
        server_channel_open_forwarded_tcpip(&str, u32, &str, u32);
        server_channel_open_forwarded_streamlocal(&str);
        server_channel_open_agent_forward();
        server_channel_open_session();
        server_channel_open_direct_tcpip(&str, u32, &str, u32);
        server_channel_open_direct_streamlocal(&str);
        server_channel_open_x11(&str, u32);
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<HandlerError>,
    ) -> Result<(), HandlerError> {
        let words = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => info.message.trim().to_owned(),
            DisconnectReason::Error(HandlerError::Ssh(error)) => diagnosis::words(error),
            DisconnectReason::Error(HandlerError::Refused(error)) => error.message.clone(),
        };
        tracing::debug!(words, "disconnected");
        self.news.set_end(words);
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
