//! Ensures that a refused secret is not tried again: it would only be refused again, and too many failures
//! lock an account.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// The state of a secret.
#[derive(Debug)]
enum Tried<E> {
    Not,
    Good,
    /// The error with which it was refused.
    Refused(E),
}

/// The state of a secret in a run, for one account.
#[derive(Debug)]
pub struct TriedOnce<E>(Arc<Mutex<Tried<E>>>);

/// The right to use the secret. No other task uses it meanwhile, unless it is known to be good. Dropping the
/// turn leaves the state of the secret unchanged.
#[derive(Debug)]
pub struct Turn<E>(Option<OwnedMutexGuard<Tried<E>>>);

impl<E> Clone for TriedOnce<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Default for TriedOnce<E> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Tried::Not)))
    }
}

impl<E: Clone> TriedOnce<E> {
    /// Waits for a turn to use the secret.
    ///
    /// # Errors
    /// The error with which it was refused before.
    pub async fn turn(&self) -> Result<Turn<E>, E> {
        let tried = Arc::clone(&self.0).lock_owned().await;
        match &*tried {
            Tried::Not => Ok(Turn(Some(tried))),
            Tried::Good => Ok(Turn::free()),
            Tried::Refused(error) => Err(error.clone()),
        }
    }
}

impl<E: Clone> TriedOnce<E> {
    /// The error with which it was refused, if any.
    #[must_use]
    pub fn refusal(&self) -> Option<E> {
        match &*self.0.try_lock().ok()? {
            Tried::Refused(error) => Some(error.clone()),
            _ => None,
        }
    }
}

impl<E> Turn<E> {
    /// A turn for a secret that is not used, or is known to be good.
    #[must_use]
    pub const fn free() -> Self {
        Self(None)
    }

    /// Records that the secret was accepted.
    pub fn good(self) {
        if let Some(mut tried) = self.0 {
            *tried = Tried::Good;
        }
    }

    /// Records that the secret was refused.
    pub fn refused(self, error: E) {
        if let Some(mut tried) = self.0 {
            *tried = Tried::Refused(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_refused_secret_is_not_tried_again() {
        let secret = TriedOnce::default();
        drop(secret.turn().await.unwrap());
        let turn = secret.turn().await.unwrap();
        assert!(secret.turn().now_or_never().is_none(), "one at a time");
        turn.refused("no");
        assert_eq!(secret.turn().await.unwrap_err(), "no");
        assert_eq!(secret.clone().turn().await.unwrap_err(), "no");
    }

    #[tokio::test]
    async fn an_accepted_secret_is_used_by_all() {
        let secret = TriedOnce::<&str>::default();
        secret.turn().await.unwrap().good();
        let _held = secret.turn().await.unwrap();
        assert!(secret.turn().now_or_never().is_some());
    }
}
