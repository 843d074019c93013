//! A host that is a function: for tests of the layers above.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::HostFacts;
use crate::shell::{Reply, Request, Session, SessionError, SessionOptions, Stream};

use super::{FailedAttempt, Transport, TransportError, TransportErrorKind};

type Script = dyn Fn(&Request) -> Result<Reply, SessionError> + Send + Sync;

/// A host that answers by a script of the test.
pub struct FakeTransport {
    facts: HostFacts,
    script: Arc<Script>,
}

impl FakeTransport {
    #[must_use]
    pub fn new(
        facts: HostFacts,
        script: impl Fn(&Request) -> Result<Reply, SessionError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            facts,
            script: Arc::new(script),
        }
    }
}

impl Transport for FakeTransport {
    /// There is no stream to be had; [`Transport::session`] is what a fake is for.
    fn open_watched<'a>(
        &'a self,
        _: &'a FailedAttempt<'a>,
    ) -> BoxFuture<'a, Result<Stream, TransportError>> {
        Box::pin(async {
            Err(TransportError {
                kind: TransportErrorKind::Invalid,
                message: "a scripted host has no byte stream".into(),
                hint: None,
            })
        })
    }

    fn session(&self, _: SessionOptions) -> BoxFuture<'_, Result<Session, TransportError>> {
        let script = Arc::clone(&self.script);
        Box::pin(async move {
            Ok(Session::scripted(self.facts.clone(), move |request| {
                script(request)
            }))
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        "scripted".into()
    }
}
