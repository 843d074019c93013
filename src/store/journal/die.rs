//! Where a test kills this process: before or after a certain write of the journal.
//!
//! `OPS_TEST_DIE_AT=7-` kills it right before the seventh write, `7+` right after. Only builds for tests know
//! the variable.

use std::ffi::OsString;
use std::io;

#[cfg(debug_assertions)]
pub(in crate::store) use armed::DieAt;
#[cfg(not(debug_assertions))]
pub(in crate::store) use never::DieAt;

#[cfg(not(debug_assertions))]
mod never {
    use super::{OsString, io};

    /// Never: this is not a build for tests.
    #[derive(Debug, Clone, Default)]
    pub(in crate::store) struct DieAt;

    impl DieAt {
        pub(in crate::store) fn of(_env: impl Fn(&str) -> Option<OsString>) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "as in a build for tests")]
        pub(in crate::store) fn around_write(
            &self,
            write: impl FnOnce() -> io::Result<()>,
        ) -> io::Result<()> {
            write()
        }
    }
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::{OsString, io};

    /// When to die, if a test wants that.
    #[derive(Debug, Clone, Default)]
    pub(in crate::store) struct DieAt(Option<Arc<Moment>>);

    #[derive(Debug)]
    struct Moment {
        write: u64,
        after: bool,
        /// How many writes there were.
        count: AtomicU64,
    }

    impl DieAt {
        /// What `OPS_TEST_DIE_AT` says. Anything else than a number with a sign is never.
        pub(in crate::store) fn of(env: impl Fn(&str) -> Option<OsString>) -> Self {
            let parse = |text: &str| {
                let after = text.ends_with('+');
                let write = text.strip_suffix(if after { '+' } else { '-' })?;
                let count = AtomicU64::new(0);
                let write = write.parse().ok()?;
                Some(Arc::new(Moment {
                    write,
                    after,
                    count,
                }))
            };
            Self(env("OPS_TEST_DIE_AT").and_then(|text| parse(text.to_str()?)))
        }

        pub(in crate::store) fn around_write(
            &self,
            write: impl FnOnce() -> io::Result<()>,
        ) -> io::Result<()> {
            let Some(moment) = &self.0 else {
                return write();
            };
            let is_it = moment.count.fetch_add(1, Ordering::SeqCst) + 1 == moment.write;
            if is_it && !moment.after {
                die();
            }
            let written = write();
            if is_it {
                die();
            }
            written
        }
    }

    fn die() {
        // Nothing runs after a SIGKILL to oneself.
        let _ = kill_process(getpid(), Signal::KILL);
    }
}
