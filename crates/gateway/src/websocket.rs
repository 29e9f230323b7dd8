//! Sockets of bots: Binance's WebSocket APIs, each frame a request like any
//! other, and its market data streams.
//!
//! Reading order: `open` (the upgrade), `api` (a socket's frames), `session`
//! (what is answered here), `streams` (market data).

mod api;
pub(crate) mod open;
mod session;
mod streams;
