//! The judge from outside: whole decisions on whole intents.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod changes;
mod common;
mod detect;
mod failing;
mod fills;
mod guards;
mod house;
mod instruments;
mod limits;
mod owners;
mod policies;
mod properties;
mod withdrawals;
