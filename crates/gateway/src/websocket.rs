//! Sockets of bots: Binance's WebSocket APIs, each frame a request like any
//! other, and its market data streams.
//!
//! Reading order: `open` (the upgrade), `api` (a socket's frames), `session`
//! (what is answered here), `events` (those of the account), `streams` (market data).

mod api;
mod events;
pub(crate) mod open;
mod session;
pub(crate) mod streams;
