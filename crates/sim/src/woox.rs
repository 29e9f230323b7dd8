//! A paper WOO X: spot and USDT perpetuals, REST v1 and v3, and the v2 sockets.
//!
//! Source of the behaviour: the vendor's public documents (`developer.woox.io`,
//! `wootrade-documents`) and what ccxt 4.5.90 sends and parses. What neither
//! shows is marked *unverified* where it is decided. Not modelled: borrowing,
//! isolated margin, liquidation, collateral other than USDT, staking, convert,
//! `OCO`/`BRACKET`/`POSITIONAL_TP_SL` algo orders, and the v3 sockets.

mod account;
mod admission;
mod algo_trading;
mod defaults;
mod desk;
mod exchange;
mod market_data;
pub mod options;
mod params;
mod rates;
pub mod reading;
mod reject;
mod report;
mod routes;
mod server;
pub mod signature;
mod streams;
mod trading;
mod venue;
mod wallet;

pub use crate::fault::{Fault, FaultKind, FaultPlan, StreamFault, StreamFaultKind};
pub use crate::record::Recorded;
pub use options::{Account, ApiKey, Instrument, PaperOptions, Permissions};
pub use reading::{Reading, read};
pub use venue::{BalanceNow, OrderNow, PaperVenue, PositionNow, WithdrawalNow};
