//! A paper Binance: spot and USD-M futures, over REST and WebSockets.
//!
//! Source of the behaviour: the vendor's public API documents
//! (`binance/binance-spot-api-docs` and those of the USD-M futures) and what its
//! client libraries parse.

mod admission;
mod clock;
mod desk;
mod exchange;
mod fault;
pub(crate) mod futures;
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
mod stream;
mod trading;
mod trading_lists;
mod venue;
mod wallet;
mod weights;
mod wsapi;

pub use fault::{Fault, FaultKind, FaultPlan, StreamFault, StreamFaultKind};
pub use options::{
    Account, ApiKey, Contract, FuturesOptions, Instrument, PaperOptions, Rights, Secret, Sockets,
};
pub use reading::{Reading, read};
pub use record::Recorded;
pub use venue::{BalanceNow, OrderNow, PaperVenue, PositionNow};
pub use wsapi::{Frame, FrameError, read_frame};
