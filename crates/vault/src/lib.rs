//! Key custody: sealed store, ceilings, signing, and the signer process.
//!
//! Reading order: [`limits`], [`protocol`] (what is said to the signer),
//! [`client`] (who says it).

pub mod client;
pub mod limits;
pub mod protocol;
