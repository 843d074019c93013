//! The vault of a run: its passwords, and the values decrypted with them.
//!
//! A value is decrypted on first use, since each takes ten thousand rounds of hashing. The code that redacts
//! output registers a watcher, which learns of a secret before any other code can use it.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::error::InventoryError;
use super::program::is_executable;
use super::script;
use super::vault::{self, VaultError, VaultPassword};
use crate::model::{Origin, decode};

/// Is told a secret and its name.
type Watcher = Box<dyn Fn(&str, &str) + Send + Sync>;

#[derive(Default)]
struct State {
    /// Plaintexts by their encrypted form.
    opened: HashMap<String, Arc<str>>,
    /// Each with its name.
    secrets: Vec<(String, String)>,
    watcher: Option<Watcher>,
}

pub(super) struct Secrets {
    passwords: Vec<VaultPassword>,
    state: Mutex<State>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("passwords", &self.passwords.len())
            .finish_non_exhaustive()
    }
}

impl Secrets {
    pub(crate) fn new(passwords: Vec<VaultPassword>) -> Self {
        Self {
            passwords,
            state: Mutex::default(),
        }
    }

    pub(crate) fn passwords(&self) -> &[VaultPassword] {
        &self.passwords
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is complete, so the state is valid even if a watcher panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decrypts a value.
    pub(crate) fn open(&self, sealed: &str) -> Result<Arc<str>, VaultError> {
        if let Some(known) = self.state().opened.get(sealed) {
            return Ok(Arc::clone(known));
        }
        // Done without the lock, so that hosts can decrypt different values in parallel.
        let plain: Arc<str> = vault::open(sealed, &self.passwords)?.into();
        self.keep_as(&name_of(sealed), &plain);
        self.state()
            .opened
            .insert(sealed.to_owned(), Arc::clone(&plain));
        Ok(plain)
    }

    /// Registers a secret and notifies the watcher.
    pub(crate) fn keep(&self, secret: &str) {
        self.keep_as("inventory", secret);
    }

    fn keep_as(&self, name: &str, secret: &str) {
        let mut state = self.state();
        if secret.is_empty() || state.secrets.iter().any(|(_, known)| known == secret) {
            return;
        }
        state.secrets.push((name.to_owned(), secret.to_owned()));
        if let Some(watcher) = &state.watcher {
            watcher(secret, name);
        }
    }

    /// Registers every string in a value from an encrypted file.
    pub(crate) fn keep_all(&self, value: &Value) {
        match value {
            Value::String(text) => self.keep(text),
            Value::Array(items) => items.iter().for_each(|item| self.keep_all(item)),
            Value::Object(map) => map.values().for_each(|item| self.keep_all(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub(crate) fn list(&self) -> Vec<String> {
        let state = self.state();
        let secrets = state.secrets.iter();
        secrets.map(|(_, secret)| secret.clone()).collect()
    }

    pub(crate) fn watch(&self, watcher: Watcher) {
        let mut state = self.state();
        for (name, secret) in &state.secrets {
            watcher(secret, name);
        }
        state.watcher = Some(watcher);
    }
}

/// A name that is the same whichever value is decrypted first. The encrypted form differs even for equal
/// values.
fn name_of(sealed: &str) -> String {
    let digest = Sha256::digest(sealed);
    let short: String = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("vault {short}")
}

/// A file that contains a vault password, or that prints one if it is executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultPasswordFile {
    /// The label of `--vault-id LABEL@FILE`.
    pub label: Option<String>,
    pub path: PathBuf,
    /// The location in a configuration file that names it.
    pub named_at: Option<Origin>,
}

impl VaultPasswordFile {
    /// Parses `FILE` or `LABEL@FILE`, the value of `--vault-id`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('@') {
            Some((label, path)) if !label.contains('/') && !label.is_empty() => Self {
                label: Some(label.to_owned()),
                path: path.into(),
                named_at: None,
            },
            _ => Self {
                label: None,
                path: text.into(),
                named_at: None,
            },
        }
    }

    pub(super) fn read(&self) -> Result<VaultPassword, InventoryError> {
        self.password().map_err(|error| match &self.named_at {
            Some(origin) => InventoryError {
                message: error.to_string(),
                at: Some(origin.clone()),
                ..error
            },
            None => error,
        })
    }

    fn password(&self) -> Result<VaultPassword, InventoryError> {
        let file: Arc<Path> = Arc::from(self.path.as_path());
        let failed = |message: String| InventoryError::new(message).in_file(&file, None);
        let metadata = std::fs::metadata(&file)
            .map_err(|error| failed(format!("cannot read the vault password file: {error}")))?;
        let bytes = if metadata.is_file() && is_executable(&metadata) {
            script::run(&file, &[]).map_err(|error| {
                InventoryError {
                    message: format!("cannot get the vault password: {}", error.message),
                    ..error
                }
                .in_file(&file, None)
            })?
        } else {
            std::fs::read(&file)
                .map_err(|error| failed(format!("cannot read the vault password file: {error}")))?
        };
        let text = decode(bytes).map_err(|error| {
            failed(format!("invalid vault password: {error}"))
                .hint("Use a password that is UTF-8 text.")
        })?;
        let password = text.trim().to_owned();
        if password.is_empty() {
            return Err(failed("the vault password is empty".to_owned()));
        }
        Ok(VaultPassword {
            label: self.label.clone(),
            password,
        })
    }
}
