//! A run as the holder of a lock.

use jiff::Timestamp;

use crate::model::{LockHolder, LockScope};
use crate::run::Run;

/// A run as a holder. Each call gives a new id.
pub(super) fn new_holder(
    run: &Run,
    lock: &str,
    scope: LockScope,
    playbook: &str,
    hosts: usize,
) -> LockHolder {
    LockHolder {
        lock: lock.to_owned(),
        id: new_id(),
        scope,
        user: user(),
        controller: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        pid: std::process::id(),
        since: Timestamp::now(),
        run: run.id.clone(),
        playbook: run.secrets.scrub(playbook).into_owned(),
        hosts,
    }
}

/// The name of the user who runs ops.
fn user() -> String {
    ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| {
            let uid = rustix::process::getuid().as_raw();
            let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            name_of(uid, &users).unwrap_or_else(|| format!("uid {uid}"))
        })
}

/// Cron and many CI jobs do not set `USER`: the name is then read from `/etc/passwd`.
fn name_of(uid: u32, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Eight characters that are not easily confused with each other.
fn new_id() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // Without randomness there would be no session either: see `shell`.
    let random = getrandom::u64().unwrap_or_default();
    let bytes = random.to_le_bytes();
    bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_an_environment_has_a_name() {
        let users = "root:x:0:0::/root:/bin/sh\n\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(name_of(1000, users).as_deref(), Some("ada"));
        assert_eq!(name_of(0, users).as_deref(), Some("root"));
        assert_eq!(name_of(7, users), None);
    }

    #[test]
    fn ids_are_eight_letters_that_differ() {
        let (one, other) = (new_id(), new_id());
        assert_eq!(one.len(), 8);
        assert_ne!(one, other);
    }
}
