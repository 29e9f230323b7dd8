//! The gateway as a bot meets it: the real processes, on the paper venue.
//!
//! Each test starts one system and takes its cases one after the other; a case
//! that fails does not keep the next from running.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

#[path = "gateway/bench.rs"]
mod bench;
#[path = "gateway/evidence.rs"]
mod evidence;
#[path = "gateway/identity.rs"]
mod identity;
#[path = "gateway/limits.rs"]
mod limits;
#[path = "gateway/never.rs"]
mod never;
#[path = "gateway/orders.rs"]
mod orders;
#[path = "gateway/outcomes.rs"]
mod outcomes;
#[path = "gateway/prices.rs"]
mod prices;
#[path = "gateway/recovery.rs"]
mod recovery;
mod stack;
