//! The one integration binary: `ops` as a user runs it, against real hosts. A file a topic; the hosts and
//! the builder that runs `ops` against them are in `fleet/` and `ops.rs`.
