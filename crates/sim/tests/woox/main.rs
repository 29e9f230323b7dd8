//! The paper WOO X over the wire, by clients that share nothing with it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "test code"
)]

mod algo;
mod client;
mod faults;
mod libraries;
mod limits;
mod market_data;
mod orders;
mod perpetual;
mod security;
mod streams;
mod vectors;
mod wallet;
