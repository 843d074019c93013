//! Locks: at most one run holds a lock of a name.
//!
//! A lock of scope `hosts` is kept on the hosts themselves, so it is valid no matter where a run starts. It
//! has a lease: the run renews it in the background, and if it stops doing so (it was killed, or its machine
//! is lost), another run may take the lock over. It is also a fence: each acquisition has a higher number
//! than the one before, every change of the run presents it to the host, and a host that has seen a higher
//! number refuses the change. A lock of scope `local` is a file lock on this machine, which the kernel
//! releases.
//!
//! | part | |
//! |---|---|
//! | [`name`](self::name) | names and the files that stand for them |
//! | [`lease`](self::lease), [`holder`](self::holder) | how long a lock holds; a run as its holder |
//! | [`record`](self::record) | what is stored of a lock, and when its lease ends |
//! | [`order`](self::order) | which run goes back when two want the same hosts (pure) |
//! | [`ask`](self::ask) | the scripts, and sending them to all hosts at once |
//! | [`wanted`](self::wanted), [`take`](self::take) | waiting, acquiring, giving up |
//! | [`hosts`](self::hosts) | a lock on hosts: renewal and fence |
//! | [`local`](self::local) | a lock on this machine |
//! | [`held`](self::held) | either of them, until it is released |
//! | [`view`](self::view) | locks seen from outside: who holds which, and breaking one |
//!
//! `script` calls it for `with_lock`, `cli` for `--lock` and `ops lock`. docs/locks.md is for users.

mod ask;
mod failure;
mod held;
mod holder;
mod hosts;
mod lease;
mod local;
pub mod name;
mod order;
mod record;
mod take;
mod view;
mod wanted;

pub use held::Lock;
pub use hosts::HostsLock;
pub use lease::{LEASE, SHORTEST_LEASE};
pub use local::LocalLock;
pub use record::{Given, Record, Seen};
pub use take::acquire;
pub use view::{Broken, Outlook, break_local, break_on, list, list_local, tell_holders};
pub use wanted::Wanted;
