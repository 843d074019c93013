//! What users read, and that it stays so.

mod documents;
mod harmless;
mod live;
mod plain;
mod story;
