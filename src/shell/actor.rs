//! The task behind a session: moves bytes between the stream and the request in progress.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::{HostFacts, OutputStream};

use super::buffer::Buffer;
use super::elevate::{Dialogue, Next};
use super::flight::{Flight, Progress, Rest, Why};
use super::frame::{Frames, Piece};
use super::opening::Opening;
use super::outgoing::Outgoing;
use super::program::{Message, messages};
use super::{RemoteLoop, Request, SessionError, SessionOptions, Stream, bootstrap, facts};

/// The maximum size of the facts in a hello, which is a few lines.
const MAX_FACTS: usize = 256 << 10;

/// The time after which a silent host is asked for a sign of life, and between two such requests.
const ASK_INTERVAL: Duration = Duration::from_secs(5);

/// A request, and where its progress is reported.
pub(super) struct Job {
    pub request: Request,
    pub cancel: CancellationToken,
    pub news: mpsc::Sender<News>,
}

pub(super) enum News {
    /// The whole program was sent.
    Sent,
    Chunk(usize, OutputStream, Vec<u8>),
    Progress(Progress),
    /// The host could not record a command.
    Unrecorded,
    /// Nothing of the request runs any more.
    Over(Result<Rest, SessionError>),
    /// The connection is lost.
    Lost(SessionError),
}

/// The progress of the hello.
enum Greeting {
    /// sudo is running its dialogue.
    Sudo,
    Awaited,
    /// The facts received so far.
    Begun(Vec<u8>),
    Done,
}

type Hello = watch::Sender<Option<Result<HostFacts, SessionError>>>;

pub(super) struct Actor {
    stream: Stream,
    options: SessionOptions,
    frames: [Frames; 2],
    out: Outgoing,
    opening: Opening,
    greeting: Greeting,
    bootstrap: Vec<u8>,
    /// When something was last read or written.
    alive: Instant,
    asked: Option<Instant>,
    flight: Option<(Flight, Job)>,
    /// The program of that request was not sent completely, and will not be.
    is_cut: bool,
    /// The loop has been told how to record commands.
    can_record: bool,
    next_id: u64,
    hello: Hello,
    /// The loop on the host.
    remote_loop: RemoteLoop,
}

impl Actor {
    /// Runs until the session is dropped or the stream ends.
    pub(crate) async fn run(
        stream: Stream,
        options: SessionOptions,
        mut inbox: mpsc::Receiver<Job>,
        hello: Hello,
        ended: Arc<OnceLock<SessionError>>,
        left_running: Arc<OnceLock<RemoteLoop>>,
    ) {
        let mut actor = match Self::new(stream, options, hello.clone()) {
            Ok(actor) => actor,
            Err(error) => {
                let _ = ended.set(error.clone());
                hello.send_replace(Some(Err(error)));
                return;
            }
        };
        let Err(error) = actor.work(&mut inbox).await else {
            actor.farewell().await;
            return;
        };
        if let Some((flight, _)) = &actor.flight
            && (flight.sent || actor.remote_loop.is_known())
            && error.is_retryable()
        {
            // Set before the end becomes visible.
            let _ = left_running.set(actor.remote_loop.clone());
        }
        let _ = ended.set(error.clone());
        if !matches!(actor.greeting, Greeting::Done) {
            hello.send_replace(Some(Err(error.clone())));
        }
        if let Some((mut flight, job)) = actor.flight.take() {
            for progress in flight.lost() {
                let _ = job.news.send(News::Progress(progress)).await;
            }
            let _ = job.news.send(News::Lost(error)).await;
        }
    }

    fn new(stream: Stream, options: SessionOptions, hello: Hello) -> Result<Self, SessionError> {
        let nonce = random();
        let bootstrap = bootstrap::start(&nonce, options.state_dir.as_deref())?;
        let dialogue = options
            .elevation
            .as_ref()
            .map(|elevation| Dialogue::new(elevation, &random()))
            .transpose()?;
        let mut out = Outgoing::default();
        let mut greeting = Greeting::Awaited;
        let mut later = Vec::new();
        if let Some(dialogue) = &dialogue {
            out.push_early(Message::new(dialogue.line()));
        }
        if dialogue.as_ref().is_some_and(Dialogue::waits) {
            greeting = Greeting::Sudo;
            later = bootstrap;
        } else {
            out.push_early(Message::new(bootstrap));
        }
        Ok(Self {
            opening: Opening::new(dialogue, options.hello_timeout),
            stream,
            options,
            frames: [Frames::new(&nonce), Frames::new(&nonce)],
            out,
            greeting,
            bootstrap: later,
            alive: Instant::now(),
            asked: None,
            flight: None,
            is_cut: false,
            can_record: false,
            next_id: 1,
            hello,
            remote_loop: RemoteLoop::unknown(),
        })
    }

    async fn work(&mut self, inbox: &mut mpsc::Receiver<Job>) -> Result<(), SessionError> {
        let mut buffers = [Buffer::new(), Buffer::new()];
        let mut stderr_open = true;
        loop {
            if self.settle().await {
                buffers = [Buffer::new(), Buffer::new()];
            }
            self.out.prepare().await;
            let now = Instant::now();
            let next_time = self.next_time();
            let (out_buffer, err_buffer) = {
                let [out, err] = &mut buffers;
                (out, err)
            };
            let front = self.out.front(matches!(self.greeting, Greeting::Sudo));
            let writing = front.is_some();
            let abandoned = async {
                match &self.flight {
                    Some((flight, job)) if !flight.is_killing() => tokio::select! {
                        () = job.cancel.cancelled() => {}
                        () = job.news.closed() => {}
                    },
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                wrote = async { self.stream.stdin.write(front.unwrap_or_default()).await },
                    if front.is_some() => {
                    let wrote = wrote.unwrap_or(0);
                    if wrote == 0 {
                        // The other end is gone; its last output is still to be read.
                        self.out.clear();
                        self.drain(&mut buffers).await;
                        return Err(self.lost());
                    }
                    self.alive = now;
                    self.wrote(wrote).await;
                }
                read = self.stream.stdout.read(out_buffer.space()) => match read {
                    Ok(count) if count > 0 => self.read(0, out_buffer.filled(count)).await?,
                    _ => {
                        self.drain(&mut buffers).await;
                        return Err(self.lost());
                    }
                },
                read = self.stream.stderr.read(err_buffer.space()), if stderr_open => match read {
                    Ok(count) if count > 0 => self.read(1, err_buffer.filled(count)).await?,
                    _ => stderr_open = false,
                },
                // Pending output is sent first: the end of the stream must not overtake it.
                job = inbox.recv(), if self.flight.is_none() && !writing => match job {
                    Some(job) => self.take(job).await,
                    None => return Ok(()),
                },
                () = abandoned => self.abandon(),
                () = tokio::time::sleep_until(next_time.unwrap_or(now)),
                    if next_time.is_some() => self.tick()?,
            }
        }
    }

    /// Reports to the caller that its request is over, if there is one.
    async fn settle(&mut self) -> bool {
        let is_over = |(flight, _): &(Flight, Job)| flight.is_over();
        let Some((flight, job)) = self.flight.take_if(|flight| is_over(flight)) else {
            return false;
        };
        self.out.push(Message::text("x\n".into()));
        // The caller may be gone.
        let _ = job.news.send(News::Over(flight.rest())).await;
        true
    }

    async fn take(&mut self, job: Job) {
        if job.cancel.is_cancelled() {
            let _ = job
                .news
                .send(News::Over(Err(SessionError::Cancelled)))
                .await;
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        match messages(id, &job.request, self.can_record) {
            Ok(messages) => {
                self.can_record |= job.request.records.is_some();
                self.out.extend(messages);
                let flight =
                    Flight::new(id, &job.request, self.options.timeout, self.options.grace);
                self.alive = Instant::now();
                self.asked = None;
                self.is_cut = false;
                self.flight = Some((flight, job));
            }
            Err(error) => {
                let _ = job.news.send(News::Over(Err(error.into()))).await;
            }
        }
    }

    /// The caller no longer wants the request.
    fn abandon(&mut self) {
        // An incomplete program is not run.
        if self.out.drop_unsent() {
            self.is_cut = true;
            // The program for that may not have been sent. To send it again does no harm.
            self.can_record = false;
        }
        if let Some((flight, _)) = &mut self.flight {
            flight.kill(Why::Cancelled, Instant::now());
        }
    }

    async fn wrote(&mut self, count: usize) {
        if !self.out.wrote(count) {
            return;
        }
        let _ = self.stream.stdin.flush().await;
        if let Some((flight, job)) = &mut self.flight
            && !flight.sent
            && !self.is_cut
        {
            flight.sent = true;
            let _ = job.news.send(News::Sent).await;
        }
    }

    async fn read(&mut self, stream: usize, bytes: &[u8]) -> Result<(), SessionError> {
        let now = Instant::now();
        self.alive = now;
        self.asked = None;
        for piece in self.frames[stream].push(bytes) {
            match piece {
                Piece::Marker(marker) if marker.request == 0 => self.greet(stream, marker.kind),
                Piece::Marker(marker) => {
                    if let Some((flight, job)) = self
                        .flight
                        .as_mut()
                        .filter(|(flight, _)| flight.id == marker.request)
                    {
                        if marker.kind == b'J' {
                            let _ = job.news.send(News::Unrecorded).await;
                        }
                        flight.marker(stream, &marker, now);
                        for progress in flight.progress() {
                            let _ = job.news.send(News::Progress(progress)).await;
                        }
                    }
                }
                Piece::Data(data) => match &mut self.greeting {
                    Greeting::Begun(facts) if stream == 0 => {
                        facts.extend(data);
                        if facts.len() > MAX_FACTS {
                            return Err(SessionError::Lost {
                                detail: format!("its hello is longer than {} KiB", MAX_FACTS >> 10),
                            });
                        }
                    }
                    Greeting::Sudo | Greeting::Awaited => self.early_words(stream, &data)?,
                    _ => {
                        if let Some((flight, job)) = &mut self.flight
                            && let Some((step, which)) = flight.data(stream, &data)
                        {
                            let _ = job.news.send(News::Chunk(step, which, data)).await;
                        }
                    }
                },
            }
        }
        Ok(())
    }

    fn greet(&mut self, stream: usize, kind: u8) {
        match (kind, &mut self.greeting) {
            (b'H', Greeting::Awaited) if stream == 0 => self.greeting = Greeting::Begun(Vec::new()),
            (b'h', Greeting::Begun(told)) if stream == 0 => {
                let told = String::from_utf8_lossy(told);
                self.remote_loop = RemoteLoop::parse(&told);
                let facts = facts::parse(&told);
                self.greeting = Greeting::Done;
                self.hello.send_replace(Some(Ok(facts)));
            }
            _ => {}
        }
    }

    /// Handles the output of a login or sudo.
    fn early_words(&mut self, stream: usize, data: &[u8]) -> Result<(), SessionError> {
        match self.opening.hear(stream == 1, data)? {
            Next::Say(words) => self.out.push_early(Message::new(words)),
            Next::Ready if matches!(self.greeting, Greeting::Sudo) => {
                self.greeting = Greeting::Awaited;
                self.out
                    .push_early(Message::new(std::mem::take(&mut self.bootstrap)));
            }
            _ => {}
        }
        Ok(())
    }

    fn next_time(&self) -> Option<Instant> {
        if !matches!(self.greeting, Greeting::Done) {
            return Some(self.opening.deadline());
        }
        let (flight, _) = self.flight.as_ref()?;
        let sign = self.asked.map_or(
            self.alive + ASK_INTERVAL.min(self.options.silence / 2),
            |_| self.alive + self.options.silence,
        );
        Some(flight.next_time().map_or(sign, |time| time.min(sign)))
    }

    fn tick(&mut self) -> Result<(), SessionError> {
        let now = Instant::now();
        if !matches!(self.greeting, Greeting::Done) && now >= self.opening.deadline() {
            return Err(self.opening.late());
        }
        let Some((flight, _)) = &mut self.flight else {
            return Ok(());
        };
        if let Some(words) = flight.due(now) {
            self.out.push(Message::text(words));
        } else if now >= self.alive + self.options.silence {
            return Err(SessionError::Lost {
                detail: format!("no answer for {} s", self.options.silence.as_secs()),
            });
        } else if self.asked.is_none()
            && now >= self.alive + ASK_INTERVAL.min(self.options.silence / 2)
        {
            self.asked = Some(now);
            let id = flight.id;
            self.out.push(Message::text(format!("k {id} 0\n")));
        }
        Ok(())
    }

    /// Reads the remaining input once the stream has ended.
    async fn drain(&mut self, buffers: &mut [Buffer; 2]) {
        let deadline = Instant::now() + Duration::from_millis(500);
        for stream in [0, 1] {
            let buffer = &mut buffers[stream];
            loop {
                let read = async {
                    if stream == 0 {
                        self.stream.stdout.read(buffer.space()).await
                    } else {
                        self.stream.stderr.read(buffer.space()).await
                    }
                };
                let Ok(Ok(count @ 1..)) = tokio::time::timeout_at(deadline, read).await else {
                    break;
                };
                if self.read(stream, buffer.filled(count)).await.is_err() {
                    break;
                }
            }
        }
    }

    /// The error of a stream that ended by itself.
    fn lost(&mut self) -> SessionError {
        let epitaph = self.stream.guard.epitaph();
        if matches!(self.greeting, Greeting::Done) {
            return SessionError::Lost {
                detail: epitaph.unwrap_or_default(),
            };
        }
        let rest = [0, 1].map(|stream| self.frames[stream].rest());
        self.opening.ended([&rest[0], &rest[1]], epitaph)
    }

    /// Ends the stream. No request is in progress, so nothing of one runs: only the loop on the host has to
    /// end. This waits for it only if nothing else guarantees that.
    async fn farewell(&mut self) {
        let _ = self.stream.stdin.shutdown().await;
        self.stream.stdin = Box::new(tokio::io::sink());
        if self.stream.guard.ends_with_transport() {
            return;
        }
        let mut buffer = vec![0; 4096];
        while matches!(self.stream.stdout.read(&mut buffer).await, Ok(count) if count > 0) {}
    }
}

fn random() -> String {
    let mut bytes = [0_u8; 16];
    // Without the randomness of the operating system, nothing else would work either.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
