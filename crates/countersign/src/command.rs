//! The subcommands, one file each, in the order of a first day with the
//! product.

pub(crate) mod demo;
pub(crate) mod init;
pub(crate) mod key;

pub(crate) mod bot;
pub(crate) mod halt;
pub(crate) mod notify;
pub(crate) mod reload;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod upgrade;

pub(crate) mod approval;
pub(crate) mod detect;
pub(crate) mod drill;
pub(crate) mod log;
pub(crate) mod policy;
pub(crate) mod venue;

mod admin;
mod cancel_all;
mod config_edit;
mod destination;
mod vault_make;
