//! What a request is: nouns, limits, venues; bytes to intent and back. No I/O.
//!
//! Both the gateway and the signer read requests with this crate, each for
//! itself. Reading order: [`model`], [`limits`], [`json`], [`venue`], [`fuzz`].

pub mod fuzz;
pub mod json;
pub mod limits;
pub mod model;
pub mod venue;
