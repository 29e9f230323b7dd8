//! Paper venues: an independent reading of what the real ones accept.
//!
//! Nothing here uses another crate of ours: the paper venue reads requests with
//! common libraries (hyper, `form_urlencoded`, `serde_json`), so that a mistake
//! in our own reading is not made twice.

mod answering;
pub mod binance;
mod book;
mod clock;
pub mod fault;
pub mod ledger;
mod money;
pub mod record;
mod resettable;
mod seeded;
mod tls;
pub mod woox;

pub use book::MarketMaker;
pub use tls::Tls;
