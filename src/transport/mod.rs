//! Ways to reach a waiting `sh`.
//!
//! A [`Transport`] stands for one host and gives [`Stream`](crate::shell::Stream)s, one for each user that
//! commands run as. A run's [`Connector`] chooses it by what the inventory says. docs/transports.md says how
//! to add one.
//!
//! | file | what it holds |
//! |---|---|
//! | `transport`, `error` | what all have in common |
//! | `connector` | the choice |
//! | `child`, `native`, `openssh`, `unavailable` | the transports |
//! | `retry` | connecting again |
//! | `destination` | where an SSH connection leads |

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
