//! A paper Binance spot venue: its wire formats, checks, matching and wallet.
//!
//! Source of the behaviour: the vendor's public API documents
//! (`binance/binance-spot-api-docs`) and what its client libraries parse.
//! There are no sockets for streams.

mod admission;
mod clock;
mod desk;
mod exchange;
mod fault;
mod market_data;
mod money;
pub mod options;
mod params;
pub mod reading;
pub mod record;
mod reject;
mod routes;
mod server;
pub mod signature;
mod trading;
mod trading_lists;
mod venue;
mod wallet;
mod weights;

pub use fault::{Fault, FaultKind};
pub use options::{Account, ApiKey, Instrument, PaperOptions, Rights, Secret};
pub use reading::{Reading, read};
pub use record::Recorded;
pub use venue::{BalanceNow, OrderNow, PaperVenue};
