//! The shop: a small web application to deploy. It serves one release, whose directory contains its version
//! (`VERSION`) and its behaviour (`shop.toml`); both are read once, at the start. The demonstrations and the
//! tests roll it out from version to version. See also `examples/shop/README.md`.
//!
//! On SIGTERM it accepts no new connections, answers the requests in flight, and exits.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::FutureExt as _;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

/// The maximum delay of `/slow`.
const SLOWEST: Duration = Duration::from_mins(1);

/// Serve one release of the shop.
///
/// Every option can also be set in the environment, or in a file of `NAME=value` lines as systemd reads them.
/// The command line overrides the environment, and the environment overrides the file.
#[derive(Parser)]
#[command(name = "shop")]
struct Options {
    /// A file with SHOP_LISTEN, SHOP_RELEASE and so on, one `NAME=value` per line
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free port [default: 127.0.0.1:8080]
    #[arg(long, env = "SHOP_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
    /// The release to serve: a directory with a file VERSION [default: .]
    #[arg(long, env = "SHOP_RELEASE", value_name = "DIR")]
    release: Option<PathBuf>,
    /// The name of this host in answers [default: the machine's host name]
    #[arg(long, env = "SHOP_NAME")]
    name: Option<String>,
    /// A file for the process id, written once it listens and removed when it exits
    #[arg(long, env = "SHOP_PIDFILE", value_name = "FILE")]
    pidfile: Option<PathBuf>,
    /// How long requests in flight may take after SIGTERM, in seconds [default: 30]
    #[arg(long, env = "SHOP_GRACE", value_name = "SECONDS")]
    grace: Option<u64>,
}

impl Options {
    /// Sets from the file the options that neither the command line nor the environment sets.
    fn with_env_file(mut self) -> Result<Self, String> {
        let Some(file) = self.env_file.clone() else {
            return Ok(self);
        };
        for (name, value) in env_file(&file)? {
            match name.as_str() {
                "SHOP_LISTEN" => _ = self.listen.get_or_insert(value),
                "SHOP_RELEASE" => _ = self.release.get_or_insert(value.into()),
                "SHOP_NAME" => _ = self.name.get_or_insert(value),
                "SHOP_PIDFILE" => _ = self.pidfile.get_or_insert(value.into()),
                "SHOP_GRACE" => {
                    let seconds = value
                        .parse()
                        .map_err(|_| format!("{}: SHOP_GRACE={value}", file.display()))?;
                    self.grace.get_or_insert(seconds);
                }
                // The environment file of a service may contain more than the service reads.
                _ => {}
            }
        }
        Ok(self)
    }
}

/// Returns the `NAME=value` lines of a file, without quotes.
fn env_file(path: &Path) -> Result<Vec<(String, String)>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| {
            let value = value.trim();
            let bare = ['"', '\'']
                .iter()
                .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
            (name.trim().to_owned(), bare.unwrap_or(value).to_owned())
        })
        .collect())
}

/// The settings of a release in `shop.toml`. All of them make releases that a rollout must detect.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Behaviour {
    /// Why `/healthz` always answers 503.
    broken: Option<String>,
    /// The hosts to which `broken` does not apply.
    healthy_on: Vec<String>,
    /// Seconds until it is ready; until then, `/healthz` answers 503.
    starts_in: f64,
    /// Seconds until `/healthz` permanently answers 503.
    unhealthy_after: Option<f64>,
    /// Seconds until the process exits with code 70.
    exits_after: Option<f64>,
    /// Why it refuses to start.
    refuses_to_start: Option<String>,
}

/// The release that is served.
struct Shop {
    version: String,
    behaviour: Behaviour,
    name: String,
    started: Instant,
}

impl Shop {
    fn open(release: &Path, name: String) -> Result<Self, String> {
        let file = release.join("VERSION");
        let version =
            fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let version = version.trim();
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{}: does not contain a version", file.display()));
        }
        let file = release.join("shop.toml");
        let behaviour: Behaviour = match fs::read_to_string(&file) {
            Ok(text) => {
                toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Behaviour::default(),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        if let Some(reason) = &behaviour.refuses_to_start {
            return Err(format!("version {version} does not start: {reason}"));
        }
        Ok(Self {
            version: version.to_owned(),
            behaviour,
            name,
            started: Instant::now(),
        })
    }

    /// Why it is not healthy now, if it is not.
    fn ailment(&self) -> Option<String> {
        let age = self.started.elapsed().as_secs_f64();
        if let Some(reason) = &self.behaviour.broken
            && !self.behaviour.healthy_on.contains(&self.name)
        {
            return Some(reason.clone());
        }
        if age < self.behaviour.starts_in {
            return Some("still starting".into());
        }
        let limit = self.behaviour.unhealthy_after?;
        (age >= limit).then(|| format!("fell ill {limit} s after its start"))
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n".into());
        }
        match request.uri().path() {
            "/" => self.front_page(request),
            "/healthz" => match self.ailment() {
                None => self.text(StatusCode::OK, format!("{}\n", self.version)),
                Some(reason) => self.text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("{} is not healthy: {reason}\n", self.version),
                ),
            },
            "/slow" => {
                let asked = Duration::from_millis(milliseconds(request.uri().query()));
                tokio::time::sleep(asked.min(SLOWEST)).await;
                self.text(StatusCode::OK, format!("{}\n", self.version))
            }
            _ => self.text(StatusCode::NOT_FOUND, "page not found\n".into()),
        }
    }

    /// Returns a page for a browser, and JSON otherwise.
    fn front_page(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let wants_a_page = request
            .headers()
            .get(ACCEPT)
            .is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
        let (kind, body) = if wants_a_page {
            let (version, name) = (&self.version, &self.name);
            let page = format!(
                "<!doctype html><title>shop {version}</title>\n\
                 <h1>shop {version}</h1>\n<p>served by {name}</p>\n"
            );
            ("text/html; charset=utf-8", page)
        } else {
            let body = serde_json::json!({
                "app": "shop",
                "version": self.version,
                "host": self.name,
                "pid": std::process::id(),
                "uptime_ms": u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            });
            ("application/json", format!("{body}\n"))
        };
        self.response(StatusCode::OK, kind, body)
    }

    fn text(&self, status: StatusCode, body: String) -> Response<Full<Bytes>> {
        self.response(status, "text/plain; charset=utf-8", body)
    }

    /// Every answer names the version and the host, so that a load generator can count both.
    fn response(&self, status: StatusCode, kind: &str, body: String) -> Response<Full<Bytes>> {
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, kind)
            .header("shop-version", &self.version)
            .header("shop-host", &self.name)
            .body(Full::new(Bytes::from(body)))
            .unwrap_or_else(|_| Response::new(Full::new(Bytes::new())))
    }
}

/// Returns the number after `ms=` in a query, or 0.
fn milliseconds(query: Option<&str>) -> u64 {
    query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("ms="))
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// A pidfile that is removed when the process ends, unless another process has written its own since.
struct Pidfile(Option<PathBuf>);

impl Pidfile {
    fn write(path: Option<PathBuf>) -> Result<Self, String> {
        if let Some(path) = &path {
            // Renamed into place, so that a reader never sees an incomplete number.
            let fresh = path.with_extension(format!("{}.new", std::process::id()));
            fs::write(&fresh, format!("{}\n", std::process::id()))
                .and_then(|()| fs::rename(&fresh, path))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(Self(path))
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        let Some(path) = &self.0 else { return };
        let own = std::process::id().to_string();
        if fs::read_to_string(path).is_ok_and(|text| text.trim() == own) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Tells systemd that the service is ready (`Type=notify`); does nothing if systemd did not start it.
/// See sd_notify(3).
fn notify_ready() {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let Ok(path) = std::env::var("NOTIFY_SOCKET") else {
        return;
    };
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    if let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
        let _ = socket.send_to_addr(b"READY=1", &address);
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(code) => code,
        Err(message) => {
            eprintln!("shop: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<ExitCode, String> {
    let options = options.with_env_file()?;
    let release = options.release.unwrap_or_else(|| ".".into());
    let name = options.name.unwrap_or_else(machine_name);
    let shop = Arc::new(Shop::open(&release, name)?);

    let address = options.listen.as_deref().unwrap_or("127.0.0.1:8080");
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    // Signals are caught before the shop reports that it runs; otherwise an early one could kill it.
    let told_to_stop = stop_signal().map_err(|error| error.to_string())?;
    let _pidfile = Pidfile::write(options.pidfile)?;
    announce(&shop, address);
    notify_ready();

    let exits = shop.behaviour.exits_after.map(Duration::from_secs_f64);
    let dies = async move {
        match exits {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let connections = GracefulShutdown::new();
    tokio::select! {
        () = serve(&listener, &shop, &connections) => {}
        () = told_to_stop => {}
        () = dies => {
            eprintln!("shop: {} exits, as configured in its shop.toml", shop.version);
            return Ok(ExitCode::from(70));
        }
    }
    // Closing the listener would reset the connections that the kernel has not handed over yet.
    while let Some(Ok((stream, _))) = std::pin::pin!(listener.accept()).now_or_never() {
        connect(stream, &shop, &connections);
    }
    drop(listener);
    let grace = Duration::from_secs(options.grace.unwrap_or(30));
    let again = stop_signal().map_err(|error| error.to_string())?;
    tokio::select! {
        () = connections.shutdown() => Ok(ExitCode::SUCCESS),
        () = tokio::time::sleep(grace) => {
            Err(format!("requests were still in flight after {} s", grace.as_secs()))
        }
        () = again => Err("second signal: dropped the requests in flight".into()),
    }
}

/// Accepts connections forever.
async fn serve(listener: &TcpListener, shop: &Arc<Shop>, connections: &GracefulShutdown) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connect(stream, shop, connections),
            // Most likely too many open files: some will be closed soon.
            Err(error) => {
                eprintln!("shop: cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Answers the requests of a connection in the background.
fn connect(stream: TcpStream, shop: &Arc<Shop>, connections: &GracefulShutdown) {
    let _ = stream.set_nodelay(true);
    let shop = Arc::clone(shop);
    let service = service_fn(move |request| {
        let shop = Arc::clone(&shop);
        async move { Ok::<_, Infallible>(shop.answer(&request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // A client that disconnects is not an error.
    tokio::spawn(connections.watch(connection));
}

/// Resolves at the next SIGTERM or SIGINT after the call.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Prints the only line on stdout. With port 0, it is the way to learn the address.
fn announce(shop: &Shop, address: SocketAddr) {
    use std::io::Write as _;
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "shop {} listens on {address}", shop.version);
    let _ = stdout.flush();
}

fn machine_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".into(), |name| name.trim().to_owned())
}
