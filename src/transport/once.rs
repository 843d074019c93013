//! A secret is tried once: one that was refused would only be refused again, and who is asked too often locks a user out.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// What is known of a secret.
#[derive(Debug)]
enum Verdict<E> {
    Unknown,
    Good,
    /// What came of it.
    Refused(E),
}

/// What a run knows of a secret at one place.
#[derive(Debug)]
pub struct TriedOnce<E>(Arc<Mutex<Verdict<E>>>);

/// The right to use the secret. Nobody else does meanwhile, unless it is known to be good. Dropping it tells nothing.
#[derive(Debug)]
pub struct Turn<E>(Option<OwnedMutexGuard<Verdict<E>>>);

impl<E> Clone for TriedOnce<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Default for TriedOnce<E> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Verdict::Unknown)))
    }
}

impl<E: Clone> TriedOnce<E> {
    /// Waits for the turn to use the secret.
    ///
    /// # Errors
    /// Why it was refused before.
    pub async fn turn(&self) -> Result<Turn<E>, E> {
        let verdict = Arc::clone(&self.0).lock_owned().await;
        match &*verdict {
            Verdict::Unknown => Ok(Turn(Some(verdict))),
            Verdict::Good => Ok(Turn::free()),
            Verdict::Refused(error) => Err(error.clone()),
        }
    }
}

impl<E: Clone> TriedOnce<E> {
    /// Why it was refused, if it was.
    #[must_use]
    pub fn refusal(&self) -> Option<E> {
        match &*self.0.try_lock().ok()? {
            Verdict::Refused(error) => Some(error.clone()),
            _ => None,
        }
    }
}

impl<E> Turn<E> {
    /// Of a secret that is not used, or known to be good.
    #[must_use]
    pub const fn free() -> Self {
        Self(None)
    }

    /// The secret was taken.
    pub fn good(self) {
        if let Some(mut verdict) = self.0 {
            *verdict = Verdict::Good;
        }
    }

    /// The secret was refused.
    pub fn refused(self, error: E) {
        if let Some(mut verdict) = self.0 {
            *verdict = Verdict::Refused(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_was_refused_is_not_tried_again() {
        let secret = TriedOnce::default();
        drop(secret.turn().await.unwrap());
        let turn = secret.turn().await.unwrap();
        assert!(secret.turn().now_or_never().is_none(), "one at a time");
        turn.refused("no");
        assert_eq!(secret.turn().await.unwrap_err(), "no");
        assert_eq!(secret.clone().turn().await.unwrap_err(), "no");
    }

    #[tokio::test]
    async fn what_was_taken_is_used_by_all() {
        let secret = TriedOnce::<&str>::default();
        secret.turn().await.unwrap().good();
        let _held = secret.turn().await.unwrap();
        assert!(secret.turn().now_or_never().is_some());
    }
}
