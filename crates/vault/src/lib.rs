//! Key custody: sealed store, ceilings, signing, and the signer process.
//!
//! Reading order: [`limits`], [`protocol`] (what is said to the signer),
//! [`client`] (who says it), [`venue`] (whose keys), [`ceiling`] (the most a key
//! may do), [`grant`] (approvals over its first tier), [`change`] (another ceiling
//! by the quorum of the one in force), [`memory`] and [`sealed`]
//! (how secrets are held), [`private_key`] (PEM), [`store`] (the vault on disk),
//! [`sandbox`] (what a process may still do), [`signer`] (the process), `note`
//! (signed checkpoints), `files`, [`fuzz`].

pub mod ceiling;
pub mod change;
pub mod client;
mod files;
pub mod fuzz;
pub mod grant;
pub mod limits;
pub mod memory;
mod note;
pub mod private_key;
pub mod protocol;
pub mod sandbox;
pub mod sealed;
pub mod signer;
pub mod store;
pub mod venue;
