//! The supervisor: no network, no parser beyond the configuration's first
//! lines. It starts the signer and the gateway as siblings, hands each its
//! sockets, and starts again what dies.
//!
//! Reading order: [`ground`] (directories and owners), [`channel`] (packets
//! with file descriptors), [`child`] (starting a process), [`doors`] (where bots are served), [`signer`] and
//! [`gateway`] (what each is told), [`keys`] (what `key` commands may ask),
//! [`run`] (the loop), [`backoff`], [`relief`] (cancelling without a gateway); [`upgrade`] with [`binary`] (which program) and
//! [`resume`] (what it is left).

pub(crate) mod backoff;
pub(crate) mod binary;
pub(crate) mod channel;
pub(crate) mod child;
pub(crate) mod doors;
pub(crate) mod gateway;
pub(crate) mod ground;
pub(crate) mod keys;
pub(crate) mod relief;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod signer;
pub(crate) mod upgrade;
