//! The endpoints of `/fapi`.

pub(crate) mod account;
pub(crate) mod algo;
pub(crate) mod batch;
pub(crate) mod market;
pub(crate) mod orders;
pub(crate) mod settings;
pub(crate) mod table;
