//! Streams over WebSockets: who listens, what is told, and in which words.

pub(crate) mod commands;
pub(crate) mod hub;
pub(crate) mod listen_keys;
pub(crate) mod market;
pub(crate) mod names;
pub(crate) mod opening;
pub(crate) mod outbox;
pub(crate) mod publish;
pub(crate) mod socket;
