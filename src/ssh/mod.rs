//! An SSH client: configuration, host keys, logins, connections and channels. It is independent of what runs
//! over them.
//!
//! A [`config::Reader`] derives [`SshSettings`] from the user's configuration for a [`config::Target`], or
//! returns the reason why only `ssh` itself can reach it. The [`Client`] of a run opens an [`SshConnection`]
//! with the settings, directly or through jump hosts, and [`SshConnection::run`] opens an [`OpenChannel`]:
//! the streams of a program on the host.
//!
//! A connection is one task, without its own process or thread.
//!
//! | file | content |
//! |---|---|
//! | `config/` | ssh_config(5) |
//! | `settings`, `error` | the input and the errors |
//! | `client` | setting up a connection |
//! | `dial`, `startups`, `attempt`, `key_exchange`, `host_keys/`, `login/` | its steps |
//! | `jumps` | connections to jump hosts, which hosts share |
//! | `connection`, `channel`, `inbox` | a connection, its channels, and what arrives on them |
//! | `handler`, `news` | the messages for the connection's task, and the state it shares |
//! | `diagnosis` | errors for the user |

mod attempt;
mod channel;
mod client;
pub mod config;
mod connection;
mod diagnosis;
mod dial;
mod error;
mod handler;
mod host_keys;
mod inbox;
mod jumps;
mod key_exchange;
mod login;
mod news;
mod pattern;
mod settings;
mod startups;
mod tried_once;

pub use channel::{ChannelGuard, OpenChannel};
pub use client::Client;
pub use connection::SshConnection;
pub use diagnosis::{check_destination, not_tried};
pub use error::{Advice, SshError, SshErrorKind};
pub use host_keys::{HostKeyOffer, HostVerifier, KnownHosts};
pub use settings::{
    AddressFamily, Algorithms, AskPassphrase, HostKeyPolicy, KeepAlive, LoginMethod, LoginSettings,
    Password, SshSettings, StrictHostKeyChecking,
};
pub use startups::{Queued, Startups};
pub use tried_once::{TriedOnce, Turn};
