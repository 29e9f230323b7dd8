//! Sockets of bots: Binance's WebSocket APIs, each frame a request like any
//! other, and its market data streams.
//!
//! Reading order: `open` (the upgrade), `api` (a socket's frames), `session`
//! (what is answered here), `events` (those of the account); `names` (what a
//! socket for streams is for), `streams` (market data), `account` (its events).

mod account;
mod api;
mod events;
pub(crate) mod names;
pub(crate) mod open;
mod session;
mod streams;
