//! Tests of parts that need the whole engine.

mod header;
mod limits;
