//! The vault of a run: its passwords, and the values that were opened with them.
//!
//! A value is decrypted when it is first used, since each costs ten thousand rounds of hashing. Whoever
//! scrubs output watches, and hears of a secret before anybody else can hold it.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::error::InventoryError;
use super::program::is_executable;
use super::script;
use super::vault::{self, VaultError, VaultPassword};
use crate::model::{Origin, decode};

type Watcher = Box<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct State {
    /// Plaintexts by their encrypted form.
    opened: HashMap<String, Arc<str>>,
    secrets: Vec<String>,
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
    pub fn new(passwords: Vec<VaultPassword>) -> Self {
        Self {
            passwords,
            state: Mutex::default(),
        }
    }

    pub fn passwords(&self) -> &[VaultPassword] {
        &self.passwords
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is whole, so it is good even if a watcher panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plaintext of an encrypted value.
    pub fn open(&self, sealed: &str) -> Result<Arc<str>, VaultError> {
        if let Some(known) = self.state().opened.get(sealed) {
            return Ok(Arc::clone(known));
        }
        // Not under the lock: hosts open different values at the same time.
        let plain: Arc<str> = vault::open(sealed, &self.passwords)?.into();
        self.keep(&plain);
        self.state()
            .opened
            .insert(sealed.to_owned(), Arc::clone(&plain));
        Ok(plain)
    }

    /// Notes a secret and tells the watcher.
    pub fn keep(&self, secret: &str) {
        let mut state = self.state();
        if secret.is_empty() || state.secrets.iter().any(|known| known == secret) {
            return;
        }
        state.secrets.push(secret.to_owned());
        if let Some(watcher) = &state.watcher {
            watcher(secret);
        }
    }

    /// Notes every string in a value that came from an encrypted file.
    pub fn keep_all(&self, value: &Value) {
        match value {
            Value::String(text) => self.keep(text),
            Value::Array(items) => items.iter().for_each(|item| self.keep_all(item)),
            Value::Object(map) => map.values().for_each(|item| self.keep_all(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub fn list(&self) -> Vec<String> {
        self.state().secrets.clone()
    }

    pub fn watch(&self, watcher: Watcher) {
        let mut state = self.state();
        state.secrets.iter().for_each(|secret| watcher(secret));
        state.watcher = Some(watcher);
    }
}

/// A file that holds a vault password, or that prints one if it is executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultPasswordFile {
    /// The label of `--vault-id LABEL@FILE`.
    pub label: Option<String>,
    pub path: PathBuf,
    /// Where a configuration names it.
    pub named_at: Option<Origin>,
}

impl VaultPasswordFile {
    /// From `FILE`, or `LABEL@FILE` as `--vault-id` takes it.
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
            .map_err(|error| failed(format!("the vault password file cannot be read: {error}")))?;
        let bytes = if metadata.is_file() && is_executable(&metadata) {
            script::run(&file, &[]).map_err(|error| {
                InventoryError {
                    message: format!("no vault password: {}", error.message),
                    ..error
                }
                .in_file(&file, None)
            })?
        } else {
            std::fs::read(&file).map_err(|error| {
                failed(format!("the vault password file cannot be read: {error}"))
            })?
        };
        let text = decode(bytes).map_err(|error| {
            failed(format!("the vault password cannot be read: {error}"))
                .hint("It must be text in UTF-8.")
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
