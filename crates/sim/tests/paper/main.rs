//! The paper Binance over the wire, by a client that shares nothing with it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod client;
mod faults;
mod limits;
mod lists;
mod market_data;
mod orders;
mod rules;
mod security;
mod vectors;
mod wallet;
