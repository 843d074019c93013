//! Turns a POSIX `sh` into a server: quoting, and the framed session protocol.
//!
//! A [`Stream`] (three byte streams of a waiting `sh`, from any transport) becomes a [`Session`], which
//! answers [`Request`]s: steps, then a probe, in one round trip. docs/protocol.md describes what is sent
//! over the wire; the programs that run on the host are in `sh/`.

mod actor;
mod bootstrap;
mod buffer;
mod captured;
mod elevate;
mod error;
mod facts;
mod flight;
mod frame;
mod opening;
mod options;
mod outgoing;
mod payload;
mod pipefail;
mod printed;
mod program;
mod quote;
mod remote_loop;
mod request;
mod session;
mod stream;

pub use bootstrap::{INNER_COMMAND, REMOTE_COMMAND};
pub use captured::Captured;
pub use error::{SessionError, Waiting};
pub use options::SessionOptions;
pub use payload::{Payload, SourceFile};
pub use pipefail::pipefail;
pub use quote::{NulByte, has_nul, quote, quote_str};
pub use remote_loop::RemoteLoop;
pub use request::{
    Body, End, Function, Listener, OnFailure, Records, Reply, Request, Step, StepKind, StepReply,
};
pub use session::Session;
pub use stream::{Guard, Stream};
