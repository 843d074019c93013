//! Hosts reached by the user's own `ssh`.
//!
//! One `ssh` process a host is both the connection's master and its first stream: the bootstrap goes out
//! with the handshake, and when ops dies, by `kill -9` too, `ssh` sees the end of its input and goes. More
//! streams (for other users) are channels of that master, opened with the `openssh` crate's mux client. A
//! server that grants no more channels gets another connection.

mod arguments;
mod control;
mod diagnosis;
mod master;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use crate::model::Connection;
use crate::shell::Stream;

use super::{FailedAttempt, Transport, TransportError, retry};
use master::Master;

/// A host behind `ssh`.
#[derive(Debug)]
pub struct OpensshTransport {
    connection: Connection,
    masters: Mutex<Vec<Arc<Master>>>,
}

impl OpensshTransport {
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            masters: Mutex::default(),
        }
    }

    async fn open_stream(&self, failed: &FailedAttempt<'_>) -> Result<Stream, TransportError> {
        arguments::check(&self.connection)?;
        // Held while connecting, so that the next one finds the connection instead of making another.
        let mut masters = self.masters.lock().await;
        for master in masters.iter() {
            if let Some(stream) = master.channel().await {
                return Ok(stream);
            }
        }
        masters.retain(|master| master.is_alive());
        let (master, stream) = retry::connect(&self.connection, failed, |time| {
            Master::connect(&self.connection, time)
        })
        .await?;
        masters.push(master);
        Ok(stream)
    }
}

impl Transport for OpensshTransport {
    fn open(&self) -> BoxFuture<'_, Result<Stream, TransportError>> {
        Box::pin(self.open_stream(&|_, _| {}))
    }

    fn open_watched<'a>(
        &'a self,
        failed: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>> {
        Box::pin(self.open_stream(failed))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            for master in self.masters.lock().await.drain(..) {
                master.close().await;
            }
        })
    }

    fn describe(&self) -> String {
        let user = self
            .connection
            .user
            .as_ref()
            .map(|user| format!("{user}@"))
            .unwrap_or_default();
        let port = self
            .connection
            .port
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        format!("ssh {user}{}{port}", self.connection.address)
    }
}
