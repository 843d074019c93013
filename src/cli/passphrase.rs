//! Asks the operator for the passphrases of key files.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use crate::model::Secrets;
use crate::run::Bus;
use crate::transport::Connector;

/// Connects the hosts of a run. If there is no terminal to ask at, a key with a passphrase is skipped: an
/// agent has to hold it.
pub(super) fn connector(bus: &Bus, secrets: &Secrets) -> Arc<Connector> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Connector::new();
    }
    let (bus, secrets) = (bus.clone(), secrets.clone());
    Connector::asking(Arc::new(move |path: &Path, before: u32| {
        let again = if before > 0 { "Wrong passphrase. " } else { "" };
        let question = format!(
            "{again}Passphrase for {} (empty: skip this key)",
            path.display()
        );
        let ask = || {
            dialoguer::Password::new()
                .with_prompt(question)
                .allow_empty_password(true)
                .interact()
        };
        let answer = bus.paused(ask).ok().filter(|answer| !answer.is_empty())?;
        // A passphrase that is too short to be scrubbed is used all the same.
        let _ = secrets.add(&answer, &format!("passphrase of {}", path.display()));
        Some(answer)
    }))
}
