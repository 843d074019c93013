//! One waiting `sh`, as one user.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::model::HostFacts;

use super::actor::{Actor, Job, News};
use super::flight::Progress;
use super::{
    End, Listener, RemoteLoop, Reply, Request, SessionError, SessionOptions, StepReply, Stream,
};

/// One waiting `sh`, as one user. Concurrent requests are sent one after another. Dropping it ends the
/// stream, and the host kills what runs.
pub struct Session {
    jobs: mpsc::Sender<Job>,
    hello: watch::Receiver<Option<Result<HostFacts, SessionError>>>,
    /// Why the session ended.
    ended: Arc<OnceLock<SessionError>>,
    /// What may still be running, if the session was lost during a request.
    left_running: Arc<OnceLock<RemoteLoop>>,
    task: tokio::task::JoinHandle<()>,
}

impl Session {
    /// Sends the bootstrap, and returns without waiting for the answer: the first request may follow at
    /// once, so that connecting, facts and first probes take one round trip.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn start(stream: Stream, options: SessionOptions) -> Self {
        // One job waits here while another runs; more wait in `send`.
        let (jobs, inbox) = mpsc::channel(1);
        let (tell, hello) = watch::channel(None);
        let ended = Arc::new(OnceLock::new());
        let left_running = Arc::new(OnceLock::new());
        let task = tokio::spawn(Actor::run(
            stream,
            options,
            inbox,
            tell,
            Arc::clone(&ended),
            Arc::clone(&left_running),
        ));
        Self {
            jobs,
            hello,
            ended,
            left_running,
            task,
        }
    }

    /// Whether the stream has ended: no request will be answered any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        // The reason is set before the waiting caller is woken, and the task ends after that.
        self.ended.get().is_some() || self.task.is_finished()
    }

    /// The loop of a session that ended while a request was running on the host: the request may still be
    /// running.
    #[must_use]
    pub fn left_running(&self) -> Option<&RemoteLoop> {
        self.left_running.get()
    }

    /// Returns the facts that the host reported about itself. Waits for the hello.
    ///
    /// # Errors
    ///
    /// Why there were none.
    pub async fn facts(&self) -> Result<HostFacts, SessionError> {
        let mut hello = self.hello.clone();
        match hello.wait_for(Option::is_some).await {
            Ok(told) => told.clone().unwrap_or_else(|| Err(self.end())),
            Err(_) => Err(self.end()),
        }
    }

    /// Returns the result of the start, for code that does not hold the session.
    #[must_use]
    pub fn opened(&self) -> BoxFuture<'static, Result<(), SessionError>> {
        let (mut hello, ended) = (self.hello.clone(), Arc::clone(&self.ended));
        Box::pin(async move {
            let told = hello.wait_for(Option::is_some).await.ok();
            match told.and_then(|told| told.clone()) {
                Some(told) => told.map(drop),
                None => Err(ended.get().cloned().unwrap_or_else(closed)),
            }
        })
    }

    /// Sends a request and waits for the reply. `listener` receives its progress in the meantime, even if
    /// there is no reply in the end.
    ///
    /// On a cancel, the processes of the request are killed, and the step that was running ends as
    /// [`End::Cancelled`]. Dropping the future does the same in the background; the next request waits for
    /// that.
    ///
    /// # Errors
    ///
    /// [`SessionError`]: there is no reply. A failed step is not an error.
    pub async fn request(
        &self,
        request: Request,
        listener: &dyn Listener,
        cancel: &CancellationToken,
    ) -> Result<Reply, SessionError> {
        let probe = request.probe.clone();
        let mut reply = self.send(request, listener, cancel).await?;
        let broken = reply
            .steps
            .last()
            .is_some_and(|step| matches!(step.end, End::TimedOut | End::Lost));
        if broken
            && reply.probe.is_none()
            && let Some(probe) = probe
        {
            // It would have run in a shell that no longer exists.
            reply.probe = self.send(Request::probe(probe), &(), cancel).await?.probe;
        }
        Ok(reply)
    }

    /// Ends the session cleanly: waits up to two seconds for what it runs to finish, or to be killed if
    /// nobody wants it any more. The host's loop has ended by then, or ends with the transport:
    /// [`Guard::ends_with_transport`](super::Guard::ends_with_transport).
    pub async fn close(self) {
        drop(self.jobs);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(Duration::from_secs(2), self.task)
            .await
            .is_err()
        {
            abort.abort();
        }
    }

    async fn send(
        &self,
        request: Request,
        listener: &dyn Listener,
        cancel: &CancellationToken,
    ) -> Result<Reply, SessionError> {
        let (news, mut inbox) = mpsc::channel(16);
        let job = Job {
            request,
            cancel: cancel.clone(),
            news,
        };
        tokio::select! {
            sent = self.jobs.send(job) => sent.map_err(|_| self.end())?,
            () = cancel.cancelled() => {
                listener.over();
                return Err(SessionError::Cancelled);
            }
        }
        let mut steps: Vec<StepReply> = Vec::new();
        while let Some(news) = inbox.recv().await {
            match news {
                News::Sent => listener.sent(),
                News::Chunk(step, stream, bytes) => listener.chunk(step, stream, &bytes),
                News::Unrecorded => listener.unrecorded(),
                News::Progress(Progress::Started(step)) => listener.started(step),
                News::Progress(Progress::Ended(step, reply)) => {
                    listener.ended(step, &reply);
                    steps.push(reply);
                }
                News::Over(rest) => {
                    let rest = rest.inspect_err(|_| listener.over())?;
                    for (step, reply) in rest.steps {
                        listener.ended(step, &reply);
                        steps.push(reply);
                    }
                    listener.over();
                    return Ok(Reply {
                        steps,
                        probe: rest.probe,
                        cancelled: rest.cancelled,
                    });
                }
                News::Lost(error) => return Err(error),
            }
        }
        Err(self.end())
    }

    fn end(&self) -> SessionError {
        self.ended.get().cloned().unwrap_or_else(closed)
    }
}

fn closed() -> SessionError {
    SessionError::Lost {
        detail: "the session is closed".into(),
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}
