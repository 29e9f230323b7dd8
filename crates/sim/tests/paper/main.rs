//! The paper Binance over the wire, by a client that shares nothing with it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod client;
mod faults;
mod futures_account;
mod futures_algo;
mod futures_limits;
mod futures_orders;
mod limits;
mod lists;
mod market_data;
mod orders;
mod rules;
mod security;
mod socket;
mod streams;
mod vectors;
mod wallet;
mod websocket_api;
