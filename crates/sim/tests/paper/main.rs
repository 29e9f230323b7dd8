//! The paper Binance over the wire, by a client that shares nothing with it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod client;
mod market_data;
mod orders;
mod vectors;
