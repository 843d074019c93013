//! What users read, and that it stays so.

mod counted;
mod documents;
mod harmless;
mod health;
mod live;
mod pipelines;
mod plain;
mod rollout;
mod story;
