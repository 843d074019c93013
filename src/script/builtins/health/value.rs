//! A check as a value of the script.

use std::sync::Arc;

use crate::deploy::health::Check;

/// A check as a value: the same for every host.
#[derive(Clone)]
pub struct HealthValue(Arc<Check>);

impl HealthValue {
    #[must_use]
    pub fn new(check: Check) -> Self {
        Self(Arc::new(check))
    }

    #[must_use]
    pub fn label(&self) -> String {
        self.0.label()
    }

    #[must_use]
    pub fn check(&self) -> Check {
        (*self.0).clone()
    }
}
