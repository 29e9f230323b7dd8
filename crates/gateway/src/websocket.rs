//! Sockets of bots: Binance's WebSocket APIs, each frame a request like any
//! other, and its market data streams.
//!
//! Reading order: `open` (the upgrade), `api` (a socket's frames), `session`
//! (what is answered here), `events` (those of the account); `names` (what a
//! socket for streams is for), `streams` (market data), `account` (its events).
//! WOO X has sockets of another kind: `woox`.

mod account;
mod api;
mod events;
pub(crate) mod names;
pub(crate) mod open;
mod session;
mod streams;
mod woox;

use crate::limits;

/// Whether something could be written in time: who does not read is left.
async fn written<E>(writing: impl Future<Output = Result<(), E>>) -> bool {
    matches!(tokio::time::timeout(limits::BODY_TIME, writing).await, Ok(Ok(())))
}
