//! A paper Binance: spot and USD-M futures, over REST and WebSockets.
//!
//! Source of the behaviour: the vendor's public API documents
//! (`binance/binance-spot-api-docs` and those of the USD-M futures) and what its
//! client libraries parse.

mod admission;
mod desk;
mod exchange;
pub(crate) mod futures;
mod market_data;
pub mod options;
mod params;
pub mod reading;
mod reject;
mod routes;
mod server;
pub mod signature;
mod stream;
mod trading;
mod trading_lists;
mod venue;
mod wallet;
mod weights;
mod wsapi;

use crate::{clock, fault, money};

pub use crate::fault::{Fault, FaultKind, FaultPlan, StreamFault, StreamFaultKind};
pub use crate::record::{self, Recorded};
pub use options::{
    Account, ApiKey, Contract, FuturesOptions, Instrument, PaperOptions, Rights, Secret, Sockets,
};
pub use reading::{Reading, read};
pub use venue::{BalanceNow, OrderNow, PaperVenue, PositionNow};
pub use wsapi::{Frame, FrameError, read_frame};
