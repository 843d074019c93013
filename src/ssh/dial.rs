//! Connects to a host's port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::diagnosis;
use super::error::SshError;
use super::settings::{AddressFamily, SshSettings};

/// The addresses of a host, in the resolver's order.
pub(super) async fn resolve(
    settings: &SshSettings,
    limit: Duration,
) -> Result<Vec<SocketAddr>, SshError> {
    let looking = lookup_host((settings.host.as_str(), settings.port));
    let found = timeout(limit, looking)
        .await
        .map_err(|_| diagnosis::too_slow("the host's name was not resolved", limit))?
        .map_err(|error| diagnosis::not_resolved(settings, &resolver_words(&error)))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        let wanted = match settings.address_family {
            AddressFamily::Any => true,
            AddressFamily::Inet => address.is_ipv4(),
            AddressFamily::Inet6 => address.is_ipv6(),
        };
        if wanted && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        let why = "it has no address of this AddressFamily";
        return Err(diagnosis::not_resolved(settings, why));
    }
    Ok(addresses)
}

/// The resolver's message, without Rust's description of the failure.
fn resolver_words(error: &io::Error) -> String {
    let words = error.to_string();
    words
        .rsplit_once(": ")
        .map_or(words.as_str(), |(_, last)| last)
        .to_owned()
}

/// Connects to the first address that answers. Each address gets a share of the remaining time, so that a
/// silent one leaves time for the next.
pub(super) async fn connect(
    settings: &SshSettings,
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<(TcpStream, SocketAddr), SshError> {
    let until = Instant::now() + limit;
    let mut last = None;
    for (index, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let others = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = (left / others).max(Duration::from_millis(500)).min(limit);
        let error = match timeout(share, attempt(settings, *address)).await {
            Ok(Ok(stream)) => return Ok((stream, *address)),
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        tracing::debug!(host = settings.original, %address, %error, "not connected");
        last = Some(diagnosis::unreachable(settings, *address, &error));
    }
    Err(last.unwrap_or_else(|| diagnosis::not_resolved(settings, "no address")))
}

async fn attempt(settings: &SshSettings, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(from) = &settings.bind_address {
        let from: IpAddr = from.parse().map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("invalid BindAddress: {from}"),
            )
        })?;
        socket.bind((from, 0).into())?;
    }
    // Requests are small, and each waits for its answer.
    socket.set_nodelay(true)?;
    socket.set_keepalive(true)?;
    socket.connect(address).await
}
