//! Ways to reach a waiting `sh`.
//!
//! A [`Transport`] represents one host and opens [`Stream`](crate::shell::Stream)s, one for each user that
//! commands run as. A run's [`Connector`] chooses it by the settings in the inventory. docs/transports.md
//! describes how to add one.
//!
//! | file | contents |
//! |---|---|
//! | `transport`, `error` | what all transports have in common |
//! | `connector` | the choice of a transport |
//! | `child`, `native`, `openssh`, `unavailable` | the transports |
//! | `retry` | connecting again |
//! | `destination` | the target of an SSH connection |

mod child;
mod connector;
mod destination;
mod error;
mod native;
mod openssh;
mod retry;
#[expect(clippy::module_inception, reason = "the main type of the module")]
mod transport;
mod unavailable;

pub use crate::ssh::{TriedOnce, Turn};
pub use child::ChildTransport;
pub use connector::{Choice, Connector};
pub use error::{TransportError, TransportErrorKind};
pub use native::NativeTransport;
pub use openssh::{OpensshTransport, Persisted, persisted};
pub use transport::{FailedAttempt, Transport};
