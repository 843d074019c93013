//! Tests of what users read.

mod counted;
mod harmless;
mod health;
mod kinds;
mod live;
mod pipelines;
mod plain;
mod rollout;
mod story;
