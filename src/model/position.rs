//! A position in a playbook.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::scrub::record;

record! {
    /// A position in a playbook, or in a module that it imports. Lines and columns count from 1.
    #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct Position {
        /// The file as the user names it: relative to the working directory, or `std/haproxy`.
        pub file: String,
        pub line: usize,
        pub column: usize,
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
