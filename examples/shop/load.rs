//! An open-loop load generator: requests are sent on a fixed schedule, regardless of the previous ones, so
//! that a stall shows as latency and failures and not as fewer requests. The demonstrations and the tests
//! run it against a balancer during a rollout.
//!
//! Connections are kept and reused as a browser does. A request that was sent on a connection that the other
//! side had just closed, and that got no byte in return, is sent once more on a new one (RFC 9110, 9.2.2).
//! It is counted separately, and `--strict` makes it a failure.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONNECTION, HOST, HeaderMap, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

mod tally;

use tally::{Answer, Failure, Tally};

/// Sends requests at a fixed rate and reports the results.
///
/// Stops after --duration, or at Ctrl-C or SIGTERM, and waits for the requests in flight. The exit code is 1
/// if a request failed. A failure is a connection refused or reset, a status of 400 or above, an answer cut
/// short, or a timeout.
#[derive(Parser)]
#[command(name = "load")]
struct Options {
    /// The URL to request: http://HOST:PORT/PATH
    url: Uri,
    /// Requests per second
    #[arg(long, default_value_t = 200.0, value_parser = positive)]
    rate: f64,
    /// Number of connections to keep and reuse; 0 opens a new one for every request
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// The share of requests, 0 to 1, that go to --slow-path
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    slow_share: f64,
    /// The path of slow requests
    #[arg(long, default_value = "/slow?ms=2000")]
    slow_path: String,
    /// How many seconds to run; without it, until Ctrl-C or SIGTERM
    #[arg(long, value_parser = positive)]
    duration: Option<f64>,
    /// Seconds after which a request has failed
    #[arg(long, default_value_t = 10.0, value_parser = positive)]
    timeout: f64,
    /// Count a request whose kept connection had been closed as failed, and do not send it again
    #[arg(long)]
    strict: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("must be greater than 0".into())
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err("must be between 0 and 1".into())
    }
}

type Sender = SendRequest<Empty<Bytes>>;

/// How long an idle connection is kept: less than servers do, as is usual for clients.
const IDLE: Duration = Duration::from_secs(5);

/// The target of the requests, and the idle connections.
struct Target {
    authority: String,
    path: String,
    slow_path: String,
    timeout: Duration,
    keep: usize,
    strict: bool,
    idle: Mutex<Vec<(Sender, Instant)>>,
}

/// A response, before it is evaluated.
struct Reply {
    status: u16,
    headers: HeaderMap,
    sender: Sender,
}

impl Target {
    fn new(options: &Options) -> Result<Self, String> {
        if options.url.scheme_str() != Some("http") {
            return Err(format!("{}: only http:// is supported", options.url));
        }
        let host = options.url.host().ok_or("the URL has no host")?;
        Ok(Self {
            authority: format!("{host}:{}", options.url.port_u16().unwrap_or(80)),
            path: options
                .url
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            slow_path: options.slow_path.clone(),
            timeout: Duration::from_secs_f64(options.timeout),
            keep: options.connections,
            strict: options.strict,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Sends one request and evaluates the answer.
    async fn request(&self, slow: bool) -> Result<Answer, Failure> {
        let path = if slow { &self.slow_path } else { &self.path };
        match tokio::time::timeout(self.timeout, self.exchange(path)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::new(
                "timeout",
                path,
                format!("no answer within {:?}", self.timeout),
            )),
        }
    }

    async fn exchange(&self, path: &str) -> Result<Answer, Failure> {
        let mut sent_again = false;
        let kept = self.kept();
        let reply = match kept {
            Some(sender) => match self.send(sender, path).await {
                // Nothing came back on a connection that had been idle: the server closed it while the
                // request was being sent.
                Err(Lost::BeforeAnswer(_)) if !self.strict => {
                    sent_again = true;
                    self.send(self.connect(path).await?, path).await
                }
                reply => reply,
            },
            None => self.send(self.connect(path).await?, path).await,
        };
        let reply = reply.map_err(|lost| match lost {
            Lost::BeforeAnswer(error) => Failure::new("no answer", path, reason(&error)),
            Lost::InAnswer(error) => Failure::new("answer cut short", path, reason(&error)),
        })?;
        let text = |name| Some(reply.headers.get(name)?.to_str().ok()?.to_owned());
        let (version, host) = (text("shop-version"), text("shop-host"));
        let closes = reply
            .headers
            .get(CONNECTION)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        if !closes && !reply.sender.is_closed() {
            let mut idle = self
                .idle
                .lock()
                .expect("nothing panics while holding the connections");
            if idle.len() < self.keep {
                idle.push((reply.sender, Instant::now()));
            }
        }
        if reply.status >= 400 {
            let by = host.map(|host| format!(" from {host}")).unwrap_or_default();
            return Err(Failure::new(
                "status",
                path,
                format!("{}{by}", reply.status),
            ));
        }
        Ok(Answer {
            version,
            host,
            sent_again,
        })
    }

    /// Returns the most recently used connection, if one has been idle for less than [`IDLE`].
    fn kept(&self) -> Option<Sender> {
        let mut idle = self
            .idle
            .lock()
            .expect("nothing panics while holding the connections");
        idle.retain(|(sender, since)| since.elapsed() < IDLE && !sender.is_closed());
        idle.pop().map(|(sender, _)| sender)
    }

    async fn connect(&self, path: &str) -> Result<Sender, Failure> {
        let failure = |error: &dyn std::error::Error| Failure::new("connect", path, reason(error));
        let stream = TcpStream::connect(&self.authority)
            .await
            .map_err(|error| failure(&error))?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failure(&error))?;
        // Its errors are reported to the request that it was opened for.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn send(&self, mut sender: Sender, path: &str) -> Result<Reply, Lost> {
        let mut request = Request::get(path)
            .header(HOST, &self.authority)
            .header(USER_AGENT, "shop-load");
        if self.keep == 0 {
            request = request.header(CONNECTION, "close");
        }
        let request = request
            .body(Empty::new())
            .expect("paths are checked at the start");
        sender.ready().await.map_err(Lost::BeforeAnswer)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(Lost::BeforeAnswer)?;
        let (head, body) = response.into_parts();
        body.collect().await.map_err(Lost::InAnswer)?;
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            sender,
        })
    }
}

/// When a connection broke.
enum Lost {
    BeforeAnswer(hyper::Error),
    InAnswer(hyper::Error),
}

/// Formats an error with its causes: hyper's message alone does not distinguish a reset from a refusal.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    raise_file_limit();
    match run(&options).await {
        Ok(tally) => {
            if options.json {
                println!("{}", tally.json());
            } else {
                print!("{}", tally.text());
            }
            if tally.failed() == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(message) => {
            eprintln!("load: {message}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: &Options) -> Result<Tally, String> {
    let target = Arc::new(Target::new(options)?);
    for path in [&target.path, &target.slow_path] {
        path.parse::<Uri>()
            .map_err(|error| format!("{path}: {error}"))?;
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;

    let mut tally = Tally::default();
    let mut flying = JoinSet::new();
    let began = Instant::now();
    let mut sent = 0_u32;
    loop {
        let at = Duration::from_secs_f64(f64::from(sent) / options.rate);
        if options
            .duration
            .is_some_and(|duration| at.as_secs_f64() >= duration)
        {
            break;
        }
        let due = began + at;
        // Results are collected while there is nothing to send.
        let stop = loop {
            tokio::select! {
                biased;
                _ = terminate.recv() => break true,
                _ = interrupt.recv() => break true,
                () = tokio::time::sleep_until(due.into()) => break false,
                Some(done) = flying.join_next() => tally.take(done.map_err(|error| error.to_string())?),
            }
        };
        if stop {
            break;
        }
        // Slow requests are spread evenly, so that two runs with the same options send the same requests.
        let slow = due_of(options.slow_share, sent + 1) > due_of(options.slow_share, sent);
        tally.late(due.elapsed());
        let target = Arc::clone(&target);
        flying.spawn(async move {
            let result = target.request(slow).await;
            // Latency counts from when the request was due, so it includes any delay before sending.
            tally::Finished {
                at: due - began,
                took: due.elapsed(),
                slow,
                result,
            }
        });
        sent += 1;
    }
    tally.stop_sending(began.elapsed());
    while let Some(done) = flying.join_next().await {
        tally.take(done.map_err(|error| error.to_string())?);
    }
    Ok(tally)
}

/// Returns how many of the first `sent` requests are slow. The small addend compensates for rounding errors.
fn due_of(share: f64, sent: u32) -> f64 {
    f64::from(sent).mul_add(share, 1e-9).floor()
}

/// Raises the limit of open files as far as possible: a stalled balancer causes many connections.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
