//! The two streams of a command.

use serde::{Deserialize, Serialize};

/// Where a task or a command printed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    Stdout,
    Stderr,
}
