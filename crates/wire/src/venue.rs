//! The venues, one folder each, with the same file names in every folder.

pub mod binance;
pub mod woox;
